/** Milliseconds of each unit of `grpc-timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Reads `grpc-timeout`: at most 8 digits and a unit (doc/PROTOCOL-HTTP2.md of github.com/grpc/grpc). In whole milliseconds, rounded down:
 * nothing is done in less. Undefined where it is no time.
 */
export function readGrpcTimeout(text: string): number | undefined {
  const unit = UNIT_MS[text.slice(-1)];
  const digits = text.slice(0, -1);
  return unit === undefined || !/^\d{1,8}$/.test(digits) ? undefined : Math.floor(Number(digits) * unit);
}
