import type { Io, Terminal } from '../io.js';
import type { Frame } from './frame.js';
import { topText } from './top-text.js';

/** Where frames are shown. */
export interface Screen {
  show(frame: Frame): void;
  /** Leaves everything as it was found. */
  close(): void;
  /** Whether a frame without rates is worth showing, too. */
  readonly eager: boolean;
}

/** The other screen, so that what was on the terminal is there again afterwards; no cursor. */
const OPEN = '\x1b[?1049h\x1b[?25l';
const CLOSE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const TO_END = '\x1b[J';
const LEAVE = 'q to leave';

/** Draws each frame over the last one. */
export function terminalScreen({ out }: Pick<Io, 'out'>, terminal: Terminal, place: string): Screen {
  out(OPEN);
  return {
    eager: true,
    show(frame) {
      const { columns, rows } = terminal.size();
      const lines = topText(frame, place, { columns, rows: Math.max(1, rows - 1) });
      // In one write: a frame that is half drawn flickers.
      out(
        `${HOME}${lines.map((line) => `${line}${TO_END_OF_LINE}\n`).join('')}${TO_END}${LEAVE.slice(0, columns)}`,
      );
    },
    close: () => out(CLOSE),
  };
}

/** One frame after the other, for a log or a pipe: no escape sequences, and nothing cut but what is without bound. */
export function plainScreen({ out }: Pick<Io, 'out'>, place: string): Screen {
  let shown = 0;
  return {
    eager: false,
    show(frame) {
      const lines = topText(frame, place, { columns: 1000, rows: 250 });
      out(`${shown++ > 0 ? '\n' : ''}${lines.map((line) => line.trimEnd()).join('\n')}\n`);
    },
    close() {},
  };
}

/** One line of JSON a frame. */
export function jsonScreen({ out }: Pick<Io, 'out'>): Screen {
  return {
    eager: false,
    show({ at, view, problem, restarted }) {
      const { message, code, forMs } = problem ?? {};
      const body = problem === undefined ? { restarted, ...view } : { error: { code, message, forMs } };
      out(`${JSON.stringify({ at: new Date(at).toISOString(), ...body })}\n`);
    },
    close() {},
  };
}
