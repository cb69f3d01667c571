import type { ModelMetadata, TensorMetadata } from '../client/client.js';
import { renderTable } from './table.js';

/** A model's inputs and outputs for people, indented; -1 is a variable dimension, as on the wire. Ends with a newline. */
export function signatureText({ inputs, outputs }: Pick<ModelMetadata, 'inputs' | 'outputs'>): string {
  const row =
    (kind: string) =>
    (tensor: TensorMetadata): string[] => [
      `  ${kind}`,
      tensor.name,
      tensor.datatype,
      `[${tensor.shape.join(', ')}]`,
    ];
  const rows = [...inputs.map(row('input')), ...outputs.map(row('output'))];
  return renderTable(['', 'NAME', 'DATATYPE', 'SHAPE'], rows);
}
