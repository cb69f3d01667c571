/**
 * The messages that the client sends and reads, as proto-loader gives them with the options of contract.ts: field
 * names as in proto/, 64-bit integers as text, enums by name, fields that are absent as their defaults.
 */

import type { WireAdminMethods } from './wire-admin.js';

export interface WireParameter {
  readonly bool_param?: boolean;
  readonly int64_param?: string | number;
  readonly uint64_param?: string;
  readonly double_param?: number;
  readonly string_param?: string;
}

export interface WireInferRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
  }[];
  readonly outputs: readonly { readonly name: string }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

/** Some servers answer typed contents; ours never does. */
export interface WireContents {
  readonly bool_contents: readonly boolean[];
  readonly int_contents: readonly number[];
  readonly int64_contents: readonly string[];
  readonly uint_contents: readonly number[];
  readonly uint64_contents: readonly string[];
  readonly fp32_contents: readonly number[];
  readonly fp64_contents: readonly number[];
  readonly bytes_contents: readonly Uint8Array[];
}

export interface WireOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly contents: WireContents | null;
}

export interface WireInferResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: readonly WireOutput[];
  readonly raw_output_contents: readonly Uint8Array[];
}

export interface WireTensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
}

export interface WireModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly WireTensorMetadata[];
  readonly outputs: readonly WireTensorMetadata[];
}

export interface WireIndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

/** Of its many figures, those that are read. */
export interface WireModelStatistics {
  readonly model_stats: readonly {
    readonly name: string;
    readonly version: string;
    readonly memory_usage: readonly { readonly byte_size: string }[];
  }[];
}

interface NamedModel {
  readonly name: string;
  readonly version: string;
}

/** Every method that the client calls, by service and name. */
export interface WireMethods extends WireAdminMethods {
  'inference.GRPCInferenceService/ServerLive': { request: object; response: { readonly live: boolean } };
  'inference.GRPCInferenceService/ServerReady': { request: object; response: { readonly ready: boolean } };
  'inference.GRPCInferenceService/ServerMetadata': {
    request: object;
    response: { readonly name: string; readonly version: string; readonly extensions: readonly string[] };
  };
  'inference.GRPCInferenceService/ModelReady': { request: NamedModel; response: { readonly ready: boolean } };
  'inference.GRPCInferenceService/ModelMetadata': { request: NamedModel; response: WireModelMetadata };
  'inference.GRPCInferenceService/ModelInfer': { request: WireInferRequest; response: WireInferResponse };
  /** Of a configuration, what is read of it. */
  'inference.GRPCInferenceService/ModelConfig': {
    request: NamedModel;
    response: {
      readonly config: {
        readonly parameters: Readonly<Record<string, { readonly string_value: string }>>;
      } | null;
    };
  };
  'inference.GRPCInferenceService/RepositoryIndex': {
    request: { readonly ready: boolean };
    response: { readonly models: readonly WireIndexEntry[] };
  };
  'inference.GRPCInferenceService/ModelStatistics': {
    request: { readonly name: string; readonly version: string };
    response: WireModelStatistics;
  };
  'grpc.health.v1.Health/Check': {
    request: { readonly service: string };
    response: { readonly status: string };
  };
}

/** The messages of google.rpc that explain an error. */
export interface StatusDetail {
  'google.rpc.Status': { readonly details: readonly { readonly type_url: string; readonly value: Buffer }[] };
  'google.rpc.RetryInfo': {
    readonly retry_delay: { readonly seconds: string; readonly nanos: number } | null;
  };
  'google.rpc.BadRequest': {
    readonly field_violations: readonly { readonly field: string; readonly description: string }[];
  };
}
