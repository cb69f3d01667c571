import { OnnxSession } from './onnx-runtime.js';

/** `Y = X`, one FP32: its test builds the same bytes from a description that one can read. */
export const SMALLEST_MODEL: Uint8Array = Buffer.from(
  'CAgSBnNsdWljZTo7ChAKAVgSAVkiCElkZW50aXR5EgVncmFwaFoPCgFYEgoKCAgBEgQKAggBYg8KAVkSCgoICAESBAoCCAFCBAoAEBE=',
  'base64',
);

let warm: Promise<void> | undefined;

/** Makes and runs a session once in this process: what the runtime itself takes is then no part of the first model's memory. */
export function warmRuntime(): Promise<void> {
  warm ??= warmUp();
  return warm;
}

async function warmUp(): Promise<void> {
  const session = await OnnxSession.create(SMALLEST_MODEL, { intraOpThreads: 1 });
  await session.run([{ name: 'X', datatype: 'FP32', shape: [1], data: new Uint8Array(4) }], ['Y']);
  await session.release();
}
