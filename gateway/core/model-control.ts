/** What a load by call brings with it. */
export interface ModelLoad {
  readonly model: string;
  /** A ModelConfig in JSON, taken in place of the model's own config.pbtxt. */
  readonly config?: string | undefined;
  /** Files taken in place of the model's directory, by `<version>/<name>`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Loads and unloads of whole models by call, as Triton's `--model-control-mode=explicit` has them. */
export interface ModelControl {
  /** Whether models are loaded by call at all; both methods refuse otherwise. */
  readonly explicit: boolean;
  /**
   * Resolves when the model's wanted versions are available. Loads of a model take effect in the order of their calls. Rejects with
   * a GatewayError that contains `failed to load`; what served before serves on.
   */
  load(request: ModelLoad): Promise<void>;
  /** The model answers no new call from when this resolves; those in flight end as they began. */
  unload(model: string): Promise<void>;
}
