/**
 * The weights of callers where they compete for workers: a function from a caller to its share, 1 for those that are not
 * named. What it answers is above 0.
 */
export function sharesOf(
  named: Readonly<Record<string, { readonly share?: number }>>,
): (caller: string) => number {
  const shares = new Map(Object.entries(named).map(([caller, { share = 1 }]) => [caller, share]));
  return (caller) => shares.get(caller) ?? 1;
}
