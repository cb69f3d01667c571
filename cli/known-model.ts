import { type ModelMetadata, type SluiceClient, SluiceClientError } from '../client/client.js';
import { CliError, EXIT } from './exit-code.js';

interface Asked {
  readonly name: string;
  /** Undefined: the server chooses. */
  readonly version: string | undefined;
}

/** The signature of a model that a command was given. Rejects with what can be called where it, or its version, is unknown. */
export async function signatureOf(client: SluiceClient, asked: Asked): Promise<ModelMetadata> {
  const { name, version } = asked;
  return client.modelMetadata(name, { version }).catch((error) => explainMissing(client, asked, error));
}

/** An unknown model or version: says which there are. */
async function explainMissing(client: SluiceClient, asked: Asked, error: unknown): Promise<never> {
  if (!(error instanceof SluiceClientError) || error.code !== 'NOT_FOUND') throw error;
  const entries = await client.models().catch(() => []);
  const versions = new Map<string, string[]>();
  for (const { name, version, state } of entries) {
    if (state === 'READY') versions.set(name, [...(versions.get(name) ?? []), version]);
  }
  const list = [...versions].map(
    ([model, numbers]) => `${model} (${numbers.length === 1 ? 'version' : 'versions'} ${numbers.join(', ')})`,
  );
  const failed = entries.find(
    ({ name, version, reason }) =>
      name === asked.name && version === (asked.version ?? version) && reason !== '',
  );
  const why =
    failed === undefined ? '' : `Version ${failed.version} of it is ${failed.state}: ${failed.reason}\n`;
  const hint = `${why}${list.length === 0 ? 'No model can be called there.' : `Models that can be called: ${list.join(', ')}`}`;
  throw new CliError(EXIT.failed, error.code, `NOT_FOUND: ${error.message}`, hint);
}
