import type { MethodClass } from '../core/access.js';

const PREDICTION = '/tensorflow.serving.PredictionService/';
const OIP = '/inference.GRPCInferenceService/';

/** Every method that is not for the control role alone. What is not here changes the server, or is new and not thought about. */
const CLASSES: ReadonlyMap<string, MethodClass> = new Map<string, MethodClass>([
  ['/grpc.health.v1.Health/Check', 'open'],
  ['/grpc.health.v1.Health/List', 'reads'],
  ['/grpc.health.v1.Health/Watch', 'open'],
  [`${OIP}ServerLive`, 'open'],
  [`${OIP}ServerReady`, 'open'],
  [`${OIP}ServerMetadata`, 'reads'],
  [`${OIP}ModelReady`, 'reads'],
  [`${OIP}ModelMetadata`, 'reads'],
  [`${OIP}ModelConfig`, 'reads'],
  [`${OIP}ModelStatistics`, 'reads'],
  [`${OIP}RepositoryIndex`, 'reads'],
  [`${OIP}SystemSharedMemoryStatus`, 'reads'],
  [`${OIP}CudaSharedMemoryStatus`, 'reads'],
  [`${OIP}ModelInfer`, 'infers'],
  [`${OIP}ModelStreamInfer`, 'infers'],
  [`${PREDICTION}Predict`, 'infers'],
  [`${PREDICTION}Classify`, 'infers'],
  [`${PREDICTION}Regress`, 'infers'],
  [`${PREDICTION}MultiInference`, 'infers'],
  [`${PREDICTION}GetModelMetadata`, 'reads'],
  ['/tensorflow.serving.ModelService/GetModelStatus', 'reads'],
  ['/sluice.v1.Admin/Versions', 'reads'],
  ['/sluice.v1.Admin/History', 'reads'],
  ['/sluice.v1.Admin/Calls', 'reads'],
  ['/sluice.v1.Admin/Callers', 'reads'],
  ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 'reads'],
  ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', 'reads'],
]);

/** What a method does, by its path; only who may know what there is learns that nobody serves a path. */
export function classOf(path: string, served: boolean): MethodClass {
  return CLASSES.get(path) ?? (served ? 'changes' : 'reads');
}
