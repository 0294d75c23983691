/**
 * Server settings of the two kinds of cluster. They are given on the command line, so no `ALTER SYSTEM` and no file
 * in the data folder can turn durability off.
 */

export type Settings = Readonly<Record<string, string>>;

const common: Settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  timezone: "UTC",
  log_timezone: "UTC",
  jit: "off",
  // The I/O workers of PostgreSQL 18 are processes; two cores have no room for them.
  io_method: "sync",
};

/** A cluster that is thrown away with its run: every durability cost is off. */
export const throwAway: Settings = {
  ...common,
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "1GB",
  checkpoint_timeout: "1h",
  autovacuum: "off",
  shared_buffers: "128MB",
  max_connections: "300",
  // Tests provoke errors on purpose; the log would hold nothing else.
  log_min_messages: "fatal",
  log_min_error_statement: "fatal",
};

/** A cluster whose committed rows survive the crash of anything, sized for an OLTP load on two cores. */
export const durable = (options: { readonly maxConnections: number; readonly preload: string }): Settings => ({
  ...common,
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  autovacuum: "on",
  max_connections: String(options.maxConnections),
  shared_preload_libraries: options.preload,
  shared_buffers: "128MB",
  effective_cache_size: "1GB",
  work_mem: "8MB",
  maintenance_work_mem: "64MB",
  random_page_cost: "1.1",
  // Every parallel plan would take a core from another service.
  max_parallel_workers_per_gather: "0",
  max_worker_processes: "4",
  // A checkpoint is a stall: few of them, spread out, and WAL segments are recycled instead of created.
  wal_buffers: "16MB",
  min_wal_size: "512MB",
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  checkpoint_completion_target: "0.9",
  // Outbox and inbox rows die young: many small vacuums instead of a few long ones.
  autovacuum_max_workers: "2",
  autovacuum_naptime: "15s",
  autovacuum_vacuum_scale_factor: "0.05",
  autovacuum_vacuum_insert_scale_factor: "0.1",
  log_min_messages: "warning",
  log_min_error_statement: "fatal",
});

export const toFlags = (settings: Settings): ReadonlyArray<string> =>
  Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
