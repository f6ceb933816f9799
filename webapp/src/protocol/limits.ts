/** The numbers of the protocol that bind a browser. */

/** Plaintext of one `pty.input`: base64 of it stays far below the 512 KiB of a message. */
export const MAX_INPUT_BYTES = 64 * 1024;

/** Keystrokes kept while a terminal starts or is attached again. */
export const MAX_QUEUED_INPUT_BYTES = 64 * 1024;

export const MAX_COLS = 1000;
export const MAX_ROWS = 1000;
