import type { DescFile, MessageInitShape } from '@bufbuild/protobuf';
import { GatewayError, quote } from '../core/error.js';
import type { RpcMethod, StreamHandler } from '../core/transport.js';
import { file_google_rpc_error_details } from '../gen/google/rpc/error_details_pb.js';
import { file_google_rpc_status } from '../gen/google/rpc/status_pb.js';
import { file_grpc_health_v1_health } from '../gen/grpc/health/v1/health_pb.js';
import {
  file_grpc_reflection_v1_reflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.js';
import { file_grpc_reflection_v1alpha_reflection } from '../gen/grpc/reflection/v1alpha/reflection_pb.js';
import { file_inference_grpc_service } from '../gen/inference/grpc_service_pb.js';
import { file_tensorflow_serving_apis_model_service } from '../gen/tensorflow_serving/apis/model_service_pb.js';
import { file_tensorflow_serving_apis_prediction_service } from '../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { parseMessage, serializeMessage } from './messages.js';
import { ReflectionIndex } from './reflection-index.js';
import { STATUS_NUMBER } from './status.js';

/** Every file with a service that may be served, and the error details, so that tools can show them. */
const FILES: readonly DescFile[] = [
  file_inference_grpc_service,
  file_tensorflow_serving_apis_prediction_service,
  file_tensorflow_serving_apis_model_service,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_grpc_reflection_v1alpha_reflection,
  file_google_rpc_status,
  file_google_rpc_error_details,
];

/** Requests are a name; longer ones are nobody's, and are echoed. */
const MAX_REQUEST_BYTES = 8192;

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

/**
 * Server reflection v1 and v1alpha: the same messages under two names. Lists the services of `served` and its own, from
 * the descriptors that the server's code was generated from.
 * Protocol: doc/server-reflection.md of github.com/grpc/grpc.
 */
export function reflectionMethods(served: readonly RpcMethod[]): RpcMethod[] {
  const methods: RpcMethod[] = ['v1', 'v1alpha'].map((version) => ({
    kind: 'bidi-stream',
    path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    handler: (stream, context) => handler(stream, context),
  }));
  const services = new Set([...served, ...methods].map(({ path }) => path.split('/')[1] as string));
  const index = new ReflectionIndex(FILES);
  const handler = converse(index, [...services].sort());
  return methods;
}

function converse(index: ReflectionIndex, services: readonly string[]): StreamHandler {
  return async (stream) => {
    for await (const body of stream.messages) {
      if (body.length > MAX_REQUEST_BYTES) {
        const message = `a reflection request has ${body.length} bytes, at most ${MAX_REQUEST_BYTES} are read`;
        throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
      }
      const request = parseMessage(ServerReflectionRequestSchema, body);
      await stream.send(
        serializeMessage(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request, index, services),
        }),
      );
    }
  };
}

function answer(
  { messageRequest: request }: ServerReflectionRequest,
  index: ReflectionIndex,
  services: readonly string[],
): Answer {
  switch (request.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(index, index.file(request.value), `file ${quote(request.value)}`);
    case 'fileContainingSymbol':
      return fileAnswer(index, index.fileOfSymbol(request.value), `symbol ${quote(request.value)}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = request.value;
      const file = index.fileOfExtension(containingType, extensionNumber);
      return fileAnswer(index, file, `extension ${extensionNumber} of ${quote(containingType)}`);
    }
    case 'allExtensionNumbersOfType': {
      const numbers = index.extensionNumbers(request.value);
      if (numbers === undefined) return errorAnswer('NOT_FOUND', `unknown type ${quote(request.value)}`);
      const value = { baseTypeName: request.value, extensionNumber: numbers };
      return { case: 'allExtensionNumbersResponse', value };
    }
    default:
      return errorAnswer('INVALID_ARGUMENT', 'the request asks for nothing: set one of message_request');
  }
}

function fileAnswer(index: ReflectionIndex, file: DescFile | undefined, what: string): Answer {
  if (file === undefined) return errorAnswer('NOT_FOUND', `unknown ${what}`);
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: index.closure(file) } };
}

/** In band: one wrong name does not end the conversation. */
function errorAnswer(code: 'NOT_FOUND' | 'INVALID_ARGUMENT', errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode: STATUS_NUMBER[code], errorMessage } };
}
