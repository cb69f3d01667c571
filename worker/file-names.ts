import type { GraphProto, ModelProto, NodeProto } from './gen/onnx/onnx_subset_pb.js';

/** What a model file says, beside its graph or in it, of what its numbers are called. */
export interface FileNames {
  /** Of the elements of a row. Undefined: it says nothing that can be read. */
  readonly features: readonly string[] | undefined;
  /** Of the classes, as somebody noted them. */
  readonly classes: readonly string[] | undefined;
  /** By output, the class labels of the classifier whose scores it is. */
  readonly scores: ReadonlyMap<string, readonly string[]>;
}

/** Keys of metadata_props under which names of features are found; there is no standard. The second is scikit-learn's attribute. */
const FEATURE_KEYS = ['feature_names', 'feature_names_in_', 'features'];
const CLASS_KEYS = ['class_names', 'class_labels', 'classes'];
const MAX_NAMES = 100_000;
const MAX_NAME_CHARS = 1000;

/** The classifiers of `ai.onnx.ml`: their second output are the scores, in the order of their class labels. */
const CLASSIFIERS = new Set(['TreeEnsembleClassifier', 'LinearClassifier', 'SVMClassifier']);
/** What leaves the order of scores alone. */
const KEEPS_ORDER = new Set(['Identity', 'Normalizer', 'Cast', 'Softmax']);

/** Reads the names that a model file carries. Pure; what cannot be read is passed over. */
export function fileNames(model: ModelProto): FileNames {
  const props = new Map(model.metadataProps.map(({ key, value }) => [key, value]));
  const read = (keys: readonly string[]) => keys.map((key) => namesIn(props.get(key))).find((names) => names);
  return {
    features: read(FEATURE_KEYS),
    classes: read(CLASS_KEYS),
    scores: model.graph === undefined ? new Map() : scoreLabels(model.graph),
  };
}

/** A list of names as JSON, or with commas between them. */
export function namesIn(text: string | undefined): string[] | undefined {
  if (text === undefined || text.trimStart().startsWith('{')) return undefined;
  const names = text.trimStart().startsWith('[')
    ? jsonNames(text)
    : text.split(',').map((name) => name.trim());
  const good =
    names?.every((name) => name !== '' && name.length <= MAX_NAME_CHARS) && names.length <= MAX_NAMES;
  return good ? names : undefined;
}

function jsonNames(text: string): string[] | undefined {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Follows the scores of classifiers to the graph's outputs: nodes stand in topological order. */
function scoreLabels(graph: GraphProto): Map<string, readonly string[]> {
  const labelled = new Map<string, readonly string[]>();
  for (const node of graph.node) {
    const [from = ''] = node.input;
    const [to = '', scores = ''] = node.output;
    if (node.domain === 'ai.onnx.ml' && CLASSIFIERS.has(node.opType)) labelled.set(scores, labelsOf(node));
    else if (KEEPS_ORDER.has(node.opType)) {
      const labels = labelled.get(from);
      if (labels !== undefined) labelled.set(to, labels);
    }
  }
  const outputs = new Set(graph.output.map(({ name }) => name));
  return new Map([...labelled].filter(([name, labels]) => outputs.has(name) && labels.length > 0));
}

function labelsOf(node: NodeProto): string[] {
  for (const { name, strings, ints } of node.attribute) {
    if (name === 'classlabels_strings' && strings.length > 0)
      return strings.map((bytes) => new TextDecoder().decode(bytes));
    if ((name === 'classlabels_int64s' || name === 'classlabels_ints') && ints.length > 0)
      return ints.map(String);
  }
  return [];
}
