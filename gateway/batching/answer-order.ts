/** A request's place among those whose answers leave in the order in which they came. */
export interface Place {
  done: boolean;
  deliver: (() => void) | undefined;
}

/** Lets answers out in the order of their requests: one that is early waits for those before it. Triton's preserve_ordering. */
export class AnswerOrder {
  readonly #places: Place[] = [];

  /** A request has come. */
  enter(): Place {
    const place: Place = { done: false, deliver: undefined };
    this.#places.push(place);
    return place;
  }

  /** Its answer is there: `deliver` is called when those before it have left, at once if they have. */
  ready(place: Place, deliver: () => void): void {
    place.deliver = deliver;
    this.#letOut();
  }

  /** It needs no answer any more: failed, cancelled or too late, which waits for nobody. One that was there lets go of its bytes. */
  leave(place: Place): void {
    // It is being let out: those behind it are next.
    if (place.done) return;
    const { deliver } = place;
    place.done = true;
    place.deliver = undefined;
    deliver?.();
    this.#letOut();
  }

  #letOut(): void {
    for (let first = this.#places[0]; first !== undefined; first = this.#places[0]) {
      if (!first.done && first.deliver === undefined) return;
      this.#places.shift();
      const { deliver } = first;
      first.done = true;
      first.deliver = undefined;
      deliver?.();
    }
  }
}
