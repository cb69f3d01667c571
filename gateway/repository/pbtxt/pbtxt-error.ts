/** A place in a text, both counted from 1; a tab is one column. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with a text in protobuf's text format, and where. */
export class PbtxtError extends Error {
  readonly place: Place;

  constructor(place: Place, message: string) {
    super(message);
    this.name = 'PbtxtError';
    this.place = place;
  }
}
