import { GatewayError, quote } from '../gateway/core/error.js';
import type { TensorSpec } from '../gateway/core/model.js';
import type { DeclaredTensor } from '../gateway/core/model-configuration.js';

type Role = 'input' | 'output';

/**
 * The inputs as config.pbtxt declares them, in its order, held against those of the model. Nothing declared: the model's.
 * A declared size may stand where the model has a variable one. Throws FAILED_PRECONDITION, with both sides in the message.
 *
 * @param batched whether the declared dims leave the batch dimension out
 */
export function declaredInputs(
  specs: readonly TensorSpec[],
  declared: readonly DeclaredTensor[],
  batched: boolean,
): TensorSpec[] {
  const missing = specs.find(({ name }) => !declared.some((each) => each.name === name));
  if (declared.length > 0 && missing !== undefined)
    throw refuse(`config.pbtxt does not declare input ${quote(missing.name)}, which the model needs`);
  return join('input', specs, declared, batched);
}

/** As `declaredInputs`, but outputs that are not declared are left out: clients do not see them. */
export function declaredOutputs(
  specs: readonly TensorSpec[],
  declared: readonly DeclaredTensor[],
  batched: boolean,
): TensorSpec[] {
  return join('output', specs, declared, batched);
}

function join(
  role: Role,
  specs: readonly TensorSpec[],
  declared: readonly DeclaredTensor[],
  batched: boolean,
): TensorSpec[] {
  if (declared.length === 0) return [...specs];
  return declared.map((wish) => {
    const spec = specs.find(({ name }) => name === wish.name);
    if (spec === undefined) {
      const known = specs.slice(0, 20).map(({ name }) => quote(name));
      throw refuse(`config.pbtxt declares ${role} ${quote(wish.name)}, the model has ${known.join(', ')}`);
    }
    if (wish.datatype !== spec.datatype)
      throw refuse(
        `${role} ${quote(wish.name)} has data_type ${inTriton(wish.datatype)} in config.pbtxt, in the model it is ${inTriton(spec.datatype)}`,
      );
    const modelShape = joinShape(role, spec, wish, batched);
    if (wish.reshape === undefined) return { ...spec, shape: modelShape };
    return { ...spec, shape: batched ? [-1, ...wish.dims] : [...wish.dims], modelShape };
  });
}

/** The whole shape that the declaration gives the model. */
function joinShape(role: Role, spec: TensorSpec, declared: DeclaredTensor, batched: boolean): number[] {
  const { name, dims: given, reshape } = declared;
  const [what, dims] = reshape === undefined ? ['dims', given] : ['reshape', reshape];
  const whole = batched ? [-1, ...dims] : [...dims];
  const fits =
    whole.length === spec.shape.length && spec.shape.every((dim, i) => dim === -1 || dim === whole[i]);
  if (fits) return whole;
  const meaning = batched
    ? `: with max_batch_size, which leaves the batch dimension out, that is [${whole}]`
    : ' (max_batch_size is 0, so that it is the whole shape)';
  throw refuse(
    `${role} ${quote(name)} has ${what} [${dims}] in config.pbtxt${meaning}, in the model its shape is [${spec.shape}]`,
  );
}

/** A datatype's name in config.pbtxt. */
function inTriton(datatype: string): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
