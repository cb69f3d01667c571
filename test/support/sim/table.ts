/** Lines of aligned columns, for people. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows].map((line) =>
    line.map((cell) => (typeof cell === 'number' ? cell.toFixed(3) : cell)),
  );
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) => line.map((cell, column) => cell.padStart(widths[column] as number)).join('  '))
    .join('\n');
}
