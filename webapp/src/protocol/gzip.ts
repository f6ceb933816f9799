/** Unpacks the plaintext of a `pty.output` with `compressed: true`: one complete gzip stream. */
import { Gunzip } from "fflate";

/** More than any screen with its scrollback needs; a stream that unpacks to more is refused. */
export const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/** Throws `Error` when the stream is damaged, cut short or unpacks to more than `most` bytes. */
export function gunzip(stream: Uint8Array, most: number = MAX_UNPACKED_BYTES): Uint8Array {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const unpacker = new Gunzip((chunk) => {
    total += chunk.length;
    if (total > most) throw new Error(`the compressed data is larger than ${most} bytes`);
    chunks.push(chunk);
  });
  // In slices, so that a stream that unpacks without end is noticed before it has.
  for (let start = 0; start < stream.length; start += SLICE) {
    unpacker.push(stream.subarray(start, start + SLICE), start + SLICE >= stream.length);
  }
  // The unpacker takes a stream that was cut short for a short one; the trailer tells (RFC 1952, ISIZE).
  if (stream.length < LEAST_BYTES || total !== trailerSize(stream)) {
    throw new Error("the compressed data is incomplete");
  }
  const whole = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

function trailerSize(stream: Uint8Array): number {
  return new DataView(stream.buffer, stream.byteOffset, stream.byteLength).getUint32(stream.length - 4, true);
}

const SLICE = 16 * 1024;
/** The header and the trailer around nothing. */
const LEAST_BYTES = 20;
