import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileProblem } from './file-problem.js';

/** A text, or in words why there is none. */
export type TextFile = { readonly text: string } | { readonly fault: string };

/** Reads a small text file whole. Never rejects, and never waits for the other end of a FIFO. */
export async function readTextFile(path: string, maxBytes: number): Promise<TextFile> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return { fault: 'it is not a regular file' };
      if (stat.size > maxBytes) return { fault: `it has ${stat.size} bytes, at most ${maxBytes} are read` };
      const bytes = Buffer.alloc(stat.size);
      const { bytesRead } = await file.read(bytes, 0, stat.size, 0);
      const content = bytes.subarray(0, bytesRead);
      if (!isUtf8(content)) return { fault: 'it is not valid UTF-8' };
      return { text: content.toString('utf8').replace(/^\uFEFF/, '') };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { fault: fileProblem(error) };
  }
}
