import { counter, gauge } from './metric-spec.js';

const VERSION = ['model', 'version'];

/** What is counted or known elsewhere, and read at a scrape. */
export const SERVER_METRICS = {
  sluice_build_info: gauge(
    ['version', 'node', 'onnxruntime'],
    'Always 1; the labels say which release runs, on which Node and with which onnxruntime.',
  ),
  sluice_process_start_time_seconds: gauge(
    [],
    'When the server was started, in seconds since 1970.',
    'seconds',
  ),
  sluice_ready: gauge([], 'Whether the server is ready for requests, as /readyz says: 1 or 0.'),
  sluice_saturation_ratio: gauge(
    [],
    'How near the server is to its limits, from 0 to 1: the largest of sluice_saturation_part_ratio. To scale replicas by.',
  ),
  sluice_saturation_part_ratio: gauge(
    ['part'],
    'Share of a limit that is in use: workers (time that those in rotation were busy, of the last 5 s at least), event_loop (time that it was, of the same), queue_rows (of the model whose queue is fullest), queue_bytes and calls.',
  ),
  sluice_calls_in_flight: gauge([], 'Calls accepted and not yet ended.'),
  sluice_queue_rows: gauge([], 'Rows that wait for a batch now.', 'rows'),
  sluice_queue_bytes: gauge([], 'Bytes of tensors held for requests that wait or run.', 'bytes'),
  sluice_model_queue_rows: gauge(VERSION, 'Rows of a version that wait for a batch now.', 'rows'),
  sluice_model_queue_requests: gauge(VERSION, 'Requests of a version that wait for a batch now.'),
  sluice_model_batches_running: gauge(VERSION, 'Batches of a version that workers have now.'),
  sluice_slots: gauge(['state'], 'Places for workers, by state.'),
  sluice_workers_wanted: gauge(
    [],
    'Workers that should be in rotation: fewer ready and busy slots mean degraded capacity.',
  ),
  sluice_slot_restarts_total: counter(
    ['crew', 'slot'],
    'Workers that were started in a slot after its first one. crew is the model that has the slot for itself, empty where models share it.',
  ),
  sluice_slot_busy_seconds_total: counter(
    ['crew', 'slot'],
    'Time that the worker of a slot had a batch. crew is the model that has the slot for itself, empty where models share it.',
    'seconds',
  ),
  sluice_model_info: gauge(
    [...VERSION, 'sha256'],
    'Always 1, for each version that is available; sha256 is the digest of its model file.',
  ),
  sluice_model_version_state: gauge(
    [...VERSION, 'state'],
    'Always 1, for each version that is known, in the state that it is in: discovered, loading, warming, available, draining, unloaded or failed.',
  ),
  sluice_model_versions: gauge(['state'], 'Model versions that are known, by state.'),
  sluice_model_versions_quarantined: gauge(
    [],
    'Model versions that are not run, since they have ended the workers that ran them.',
  ),
  sluice_model_memory_bytes: gauge(
    VERSION,
    'Memory that a version takes on all its workers, as measured when it was prepared.',
    'bytes',
  ),
  sluice_model_rollbacks_total: counter(
    ['model'],
    'Labels of a model that were rolled back to the version before, by this server or by another that shares its labels, since this one was started.',
  ),
  sluice_labels_generation: gauge(
    [],
    'Generation of the labels in force here: replicas that agree have the same one.',
  ),
  sluice_event_loop_delay_seconds: gauge(
    ['stat'],
    "How late the gateway's event loop was, of the last 15 s at least, by stat: p50, p99 or max.",
    'seconds',
  ),
  sluice_process_cpu_seconds_total: counter(
    ['mode'],
    'CPU time of the process and its threads, by mode: user or system.',
    'seconds',
  ),
  sluice_cpu_cores: gauge([], 'Cores that the server may use: what affinity, cpuset and quotas leave.'),
  sluice_cpu_throttled_seconds_total: counter(
    [],
    'Time for which the kernel held the container back since its CPU quota was spent. Absent where the cgroup does not tell.',
    'seconds',
  ),
  sluice_cpu_throttled_periods_total: counter(
    [],
    'Periods of the CPU quota in which the container was held back. Absent where the cgroup does not tell.',
  ),
  sluice_cpu_periods_total: counter(
    [],
    'Periods of the CPU quota in which the container ran at all. Absent where the cgroup does not tell.',
  ),
  sluice_process_memory_bytes: gauge(
    ['kind'],
    'Memory of the process: resident, JavaScript heap in use, and array buffers.',
    'bytes',
  ),
  sluice_memory_limit_bytes: gauge(
    [],
    "Memory that the server may use: the least limit of its cgroups, else the machine's.",
    'bytes',
  ),
  sluice_log_lines_dropped_total: counter(
    [],
    'Log lines given up because the output was closed or did not keep up.',
  ),
  sluice_trace_spans_total: counter(
    ['outcome'],
    'Spans of traces by what became of them: exported, dropped (there was no room or no time) or failed (the collector did not take them).',
  ),
};
