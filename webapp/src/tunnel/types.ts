/** What a wing answers inside the tunnel (protocol.md section 5). "Ours": optional, our own wing only. */

export interface Project {
  name: string;
  path: string;
  mod_time?: number;
}

export interface WingInfo {
  hostname?: string;
  platform?: string;
  version?: string;
  agents?: string[] | null;
  projects?: Project[] | null;
  locked?: boolean;
  spectate?: boolean;
  allowed_count?: number;
  wing_label?: string;
  /** Ours. */
  home?: string;
  /** Ours: where a terminal opens when no folder is named. */
  default_path?: string;
}

export interface DirEntry {
  name: string;
  is_dir: boolean;
  path: string;
}

export interface Listing {
  entries: DirEntry[];
  /** Ours: there are folders that were left out because they begin with a dot. */
  hidden: boolean;
}

export interface SessionEntry {
  session_id: string;
  agent: string;
  cwd?: string;
  needs_attention?: boolean;
  audit?: boolean;
  user_id?: string;
  email?: string;
  /** Ours. */
  title?: string;
  created_at?: number;
  cols?: number;
  rows?: number;
  /** Why the recording has stopped; absent while it goes on. */
  recording_error?: string;
}

export interface HistoryEntry {
  session_id: string;
  agent: string;
  cwd?: string;
  started_at?: number;
  audit?: boolean;
  user_id?: string;
  /** Ours: why the recording ends before the terminal did. */
  recording_error?: string;
}

export interface HistoryPage {
  sessions: HistoryEntry[];
  total: number;
}
