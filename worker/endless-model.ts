/**
 * An ONNX model that needs no input and never ends: a `Loop` of 2^53 - 1 rounds. A run of it cannot be stopped by
 * anything but a kill of the process. Its test builds the same bytes from a description that one can read.
 */
export const ENDLESS_MODEL: Uint8Array = Buffer.from(
  'CAgSBnNsdWljZTrVAQqXAQoEbW9zdAoACgVzdGFydBIDZW5kIgRMb29wKnsKBGJvZHkycAoSCgJnbxICb24iCElkZW50aXR5ChAKAWESAWIiCElkZW50aXR5EgVncmFwaFoLCgFpEgYKBAgHEgBaDAoCZ28SBgoECAkSAFoLCgFhEgYKBAgBEgBiDAoCb24SBgoECAkSAGILCgFiEgYKBAgBEgCgAQUSBWdyYXBoKg8QAUIFc3RhcnRKBAAAAAAqEhAHQgRtb3N0Sgj///////8fAGINCgNlbmQSBgoECAESAEIECgAQEQ==',
  'base64',
);

/** The output to ask it for. */
export const ENDLESS_OUTPUT = 'end';
