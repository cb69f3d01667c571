/** What is known of golden answers by those who write them and by the worker that holds a version against them. */

/** The file of golden answers, beside a version's model. */
export const GOLDEN_FILE = 'golden.jsonl';

/** Bounds on that file: whoever wrote it is not trusted. */
export const MAX_GOLDEN_BYTES = 16 * 1024 * 1024;
export const MAX_GOLDEN_LINES = 10_000;
/** One row of a model of images is a megabyte of digits. */
export const MAX_GOLDEN_LINE_CHARS = 4 * 1024 * 1024;
