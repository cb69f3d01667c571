/**
 * Switches onnxruntime's own telemetry off, which is on by default on Linux. The native library reads the variable
 * once, from the process's environment: it must be set in the main thread before any thread loads the runtime.
 */
export function disableRuntimeTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
}
