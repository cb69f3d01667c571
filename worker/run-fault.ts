/**
 * What the runtime (onnxruntime 1.30) says where an input holds an index that a table has not (Gather, Scatter, GatherND,
 * GatherElements, embeddings) or a divisor of 0. Its codes do not tell this from a broken model; only its words do.
 */
const INPUT_FAULTS = [
  /indices element out of data bounds/,
  /Out of range value in index tensor/,
  /invalid ind(?:ex|ice) found/,
  /input index out of range/,
  /Integer (?:division|modulo) by zero/,
];

/** Whether a run failed by what its caller sent, as far as the runtime's message tells. */
export function isInputFault(message: string): boolean {
  return INPUT_FAULTS.some((words) => words.test(message));
}
