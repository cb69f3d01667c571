import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';

/**
 * The baseline of every comparison, in a process of its own: a bare grpc-js server that gives each ModelInfer request
 * back as its answer, without looking into it. Prints its port as a line of JSON; ends with its parent.
 */
const pass = (bytes: Buffer): Buffer => bytes;

const server = new Server({
  'grpc.enable_channelz': 0,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1000,
});
server.register(
  '/inference.GRPCInferenceService/ModelInfer',
  (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => respond(null, call.request),
  pass,
  pass,
  'unary',
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
