/** Line icons, 16 units square, drawn in the colour of the text. Always beside a label or an aria-label. */
import type { ComponentChildren } from "preact";

function icon(content: ComponentChildren) {
  return () => (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {content}
    </svg>
  );
}

export const WingIcon = icon(
  <>
    <path d="M2.5 4.5 5 7.2 2.5 10" />
    <path d="M7 12.5c3.5 0 6.2-2 6.8-7.5-3 .6-5.2 2-6.3 4.2m0 0c2 0 3.5-.4 5-.9" />
  </>,
);
export const PlusIcon = icon(<path d="M8 3v10M3 8h10" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const LockIcon = icon(
  <>
    <rect x="3" y="7" width="10" height="6.5" rx="1.5" />
    <path d="M5 7V5a3 3 0 0 1 6 0v2" />
  </>,
);
export const KeyIcon = icon(
  <>
    <circle cx="5.2" cy="10.8" r="3" />
    <path d="m7.4 8.6 6.1-6.1m-3 3 2.2 2.2" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="7" cy="7" r="4" />
    <path d="m10 10 3.5 3.5" />
  </>,
);
export const MoreIcon = icon(
  <>
    <circle cx="3.5" cy="8" r=".7" />
    <circle cx="8" cy="8" r=".7" />
    <circle cx="12.5" cy="8" r=".7" />
  </>,
);
export const EyeIcon = icon(
  <>
    <path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Z" />
    <circle cx="8" cy="8" r="2" />
  </>,
);
export const DetachIcon = icon(<path d="M9 3h4v10H9M2 8h7M6.5 5.5 9 8l-2.5 2.5" />);
export const KillIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.5" />
    <path d="m6 6 4 4m0-4-4 4" />
  </>,
);
export const HistoryIcon = icon(
  <>
    <path d="M2.5 8a5.5 5.5 0 1 0 1.8-4.1L2.5 5.5m0-3v3h3" />
    <path d="M8 5v3.2l2 1.3" />
  </>,
);
export const GearIcon = icon(
  <>
    <path d="M2 4.5h7M13 4.5h1M2 11.5h1M7 11.5h7" />
    <circle cx="11" cy="4.5" r="1.8" />
    <circle cx="5" cy="11.5" r="1.8" />
  </>,
);
export const FolderIcon = icon(<path d="M1.8 4.2h4l1.4 1.6h7v7H1.8Z" />);
export const ProjectIcon = icon(
  <>
    <circle cx="4.5" cy="4" r="1.5" />
    <circle cx="4.5" cy="12" r="1.5" />
    <circle cx="11.5" cy="6" r="1.5" />
    <path d="M4.5 5.5v5M11.5 7.5c0 2-3.5 1.5-6.5 3.3" />
  </>,
);
export const PlayIcon = icon(<path class="solid" d="M4.5 3v10l8-5Z" />);
export const PauseIcon = icon(<path d="M5.5 3.5v9M10.5 3.5v9" />);
export const BackIcon = icon(<path d="M9.5 3.5 5 8l4.5 4.5" />);
export const UpIcon = icon(<path d="M3.5 10 8 5.5l4.5 4.5" />);
export const DownIcon = icon(<path d="M3.5 6 8 10.5 12.5 6" />);
export const CopyIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.2" />
    <path d="M10.5 5.5v-3h-8v8h3" />
  </>,
);
export const BellIcon = icon(
  <>
    <path d="M3.5 11.5c1-1 1-2.5 1-4.5a3.5 3.5 0 0 1 7 0c0 2 0 3.5 1 4.5Z" />
    <path d="M6.8 13.5a1.3 1.3 0 0 0 2.4 0" />
  </>,
);
export const PersonIcon = icon(
  <>
    <circle cx="8" cy="5.5" r="2.7" />
    <path d="M2.8 13.5c.6-2.6 2.5-4 5.2-4s4.6 1.4 5.2 4" />
  </>,
);
export const WarningIcon = icon(
  <>
    <path d="M8 2 1.5 13.5h13Z" />
    <path d="M8 6.5v3.3M8 11.7v.1" />
  </>,
);
