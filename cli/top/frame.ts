import type { Page } from '../scrape/page.js';
import { type ServerView, viewOf } from '../scrape/view.js';

/** What is known at one moment: the last view of the server, and what is wrong with the present one. */
export interface Frame {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Undefined while the server has never answered. */
  readonly view: ServerView | undefined;
  /** Why it does not answer now, and for how long it has not. */
  readonly problem: { readonly message: string; readonly code: string; readonly forMs: number } | undefined;
  /** Whether it has been started anew since it last answered. */
  readonly restarted: boolean;
}

/** What a look at the server came to. */
export type Look = { readonly page: Page } | { readonly message: string; readonly code: string };

/** Makes frames of looks: remembers the page before, the last view, and since when nobody answers. */
export class Frames {
  #page: Page | undefined;
  #pageAt = 0;
  #view: ServerView | undefined;
  #silentSince: number | undefined;

  /** @param now milliseconds, on any clock that never goes back; @param at those since 1970 */
  next(look: Look, now: number, at: number): Frame {
    if ('page' in look) return this.#answered(look.page, now, at);
    this.#silentSince ??= now;
    const { message, code } = look;
    const problem = { message, code, forMs: now - this.#silentSince };
    return { at, view: this.#view, problem, restarted: false };
  }

  #answered(page: Page, now: number, at: number): Frame {
    const view = viewOf(this.#page, page, (now - this.#pageAt) / 1000);
    const restarted = this.#view !== undefined && this.#view.startedAt !== view.startedAt;
    this.#page = page;
    this.#pageAt = now;
    this.#view = view;
    this.#silentSince = undefined;
    return { at, view, problem: undefined, restarted };
  }
}
