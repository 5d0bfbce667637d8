/** The limits of the tail input. */

/** Bytes of one read, in one buffer that all files share. */
export const BLOCK_BYTES = 256 * 1024;

/** A read needs no more than this for each line that may be taken: with a low `read_lines_limit` reads are smaller. */
export const BYTES_PER_LINE = 256;
export const SMALLEST_BLOCK_BYTES = 8192;

/** A line longer than this is left out, as one longer than `max_line_size` is. */
export const LINE_LIMIT_BYTES = 16 * 1024 * 1024;

/** The lines of one event; at so many bytes they are taken as they are. */
export const EVENT_LIMIT_BYTES = 1024 * 1024;

/** Parts of a line whose last one does not come are taken as they are, unless `multiline_flush_interval` says otherwise. */
export const PARTS_FLUSH_MS = 60_000;

/** Bytes handed over and not taken yet, of all files; beyond them reads are of the smallest size. */
export const IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/** Rotated files of one path that are still read; of more, the oldest is given up and counted. */
export const ROTATED_FILES_OF_PATH = 100;

/** Files that were read to their end whose offsets are remembered, for when they come back under another name. */
export const REMEMBERED_FILES = 4096;

/** Files that are watched for notifications; of more, changes are seen by looking. */
export const HINTED_FILES = 512;

/** A file is growing when it is hinted at twice in this time, and rests when it has not changed for that. */
export const GROWING_MS = 1000;
export const RESTING_MS = 2000;

/** Between two looks at the files that are growing, and for each of them: a look takes 10 µs. */
export const LOOK_MS = 100;
export const LOOK_MS_OF_FILE = 0.4;

/** Looks at files in one turn of the event loop. */
export const LOOKS_OF_TURN = 64;

/** What a file has grown by since it was read to its end is in the system's memory: so much of it is read at once. */
export const FRESH_BYTES = 64 * 1024;

export const POLL_MS = 1000;
/**
 * Without `enable_watch_timer` more than FEW_FILES are looked at less often: one time in so many. Fewer are not, for
 * notifications get lost where a name goes over to another file, and a look at 512 files takes 4 ms.
 */
export const SLOW_POLLS = 5;
export const FEW_FILES = 512;

/** A refused batch is read again and handed over again after this time. */
export const RETRY_MS = 1000;

/** What a stop may spend on reading what is there, as in fluentd. */
export const STOP_READING_MS = 5000;
