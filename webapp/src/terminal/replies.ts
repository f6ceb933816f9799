/**
 * Tells a terminal's automatic answers (to "where is the cursor?", "what are you?") from keys. A repaint may
 * contain such questions from the past; answering them again would type rubbish into the program.
 */

// CSI ... c|n|R|t|y|u (attributes, status, position, window, mode, keyboard), OSC and DCS answers.
const REPLY = /^(?:\x1b\[[?>=]?[\d;]*\$?[cnRtyu]|\x1b\][\s\S]*|\x1bP[\s\S]*)$/;

export function isTerminalReply(data: string): boolean {
  return REPLY.test(data);
}
