const DAY_MS = 86_400_000;

/**
 * Makes the wall clock of this thread jump: each reading is a day ahead or a day behind, in turn, so that a difference of any two
 * neighbouring readings is wrong by two days. Returns the way back, and how often it was read.
 */
export function letDateJump(): { restore(): void; readonly readings: number } {
  const RealDate = Date;
  let readings = 0;
  const now = (): number => RealDate.now() + (++readings % 2 === 0 ? DAY_MS : -DAY_MS);
  class JumpingDate extends RealDate {
    constructor(...values: [] | [string | number | Date]) {
      super(values.length === 0 ? now() : values[0]);
    }
    static override now(): number {
      return now();
    }
  }
  globalThis.Date = JumpingDate as DateConstructor;
  return {
    restore: () => {
      globalThis.Date = RealDate;
    },
    get readings() {
      return readings;
    },
  };
}
