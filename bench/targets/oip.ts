import { loadContract } from '../../client/contract.js';
import type { WireInferRequest, WireInferResponse } from '../../client/wire.js';
import type { ExpectedAnswer } from '../contract.js';
import type { NamedTensor } from '../inputs/samples.js';
import { BenchUsageError } from '../usage-error.js';

export const OIP_INFER = '/inference.GRPCInferenceService/ModelInfer';

/** One request of the Open Inference Protocol, before it is encoded. */
export function inferRequest(
  model: string,
  version: string,
  tensors: readonly NamedTensor[],
): WireInferRequest {
  return {
    model_name: model,
    model_version: version,
    id: '',
    parameters: {},
    inputs: tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    outputs: [],
    raw_input_contents: tensors.map(({ data }) => data),
  };
}

/** A ModelInferRequest in bytes. */
export function encodeInfer(request: WireInferRequest): Uint8Array {
  return loadContract().method('inference.GRPCInferenceService/ModelInfer').serialize(request);
}

/** How far floating-point answers may differ. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** What an answer of the server itself makes of later ones. Throws BenchUsageError when it has no raw contents. */
export function expectedFromAnswer(answer: WireInferResponse, tolerance: Tolerance): ExpectedAnswer {
  const { outputs, raw_output_contents: raw } = answer;
  if (raw.length !== outputs.length) {
    throw new BenchUsageError([
      '--expect first: the server answers typed contents, which are not compared; wanted raw_output_contents',
    ]);
  }
  return {
    outputs: outputs.map(({ name, datatype }, i) => ({ name, datatype, raw: raw[i] as Uint8Array })),
    ...tolerance,
  };
}

/** What given tensors make of answers. */
export function expectedFromTensors(
  tensors: readonly NamedTensor[],
  { absolute, relative }: Tolerance,
): ExpectedAnswer {
  return {
    outputs: tensors.map(({ name, datatype, data }) => ({ name, datatype, raw: data })),
    absolute,
    relative,
  };
}
