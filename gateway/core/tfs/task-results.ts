import { GatewayError } from '../error.js';
import type { Tensor } from '../tensor.js';
import type { Task } from './tasks.js';

/** Scores by class of each row; a class without a label has `''`. */
export interface ScoredClass {
  readonly label: string;
  readonly score: number;
}

/** The answer of a classification's output, row by row. Throws INTERNAL for one that is not the shape its signature says. */
export function classesOf({ labels }: Task, rows: number, tensor: Tensor): ScoredClass[][] {
  const scores = floatsOf(tensor);
  const classes = rows === 0 ? 0 : scores.length / rows;
  if (!Number.isInteger(classes)) throw unexpected(tensor, rows);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: classes }, (_, at) => ({
      label: labels[at] ?? '',
      score: scores[row * classes + at] as number,
    })),
  );
}

/** The answer of a regression's output: a value for each row. Throws as `classesOf`. */
export function valuesOf(rows: number, tensor: Tensor): number[] {
  const values = floatsOf(tensor);
  if (values.length !== rows) throw unexpected(tensor, rows);
  return [...values];
}

function floatsOf({ data }: Tensor): Float32Array {
  // A view may begin anywhere; one of floats may not.
  const bytes = data.slice();
  return new Float32Array(bytes.buffer, 0, bytes.length >> 2);
}

function unexpected({ name, shape }: Tensor, rows: number): GatewayError {
  const message = `the model answered ${rows} rows with output '${name}' of shape [${shape.join(',')}]`;
  return new GatewayError('INTERNAL', message, { reason: 'model_error' });
}
