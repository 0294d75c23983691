export * as Backoff from "./Backoff.ts";
export * as EventBus from "./EventBus.ts";
export * as MemoryBus from "./MemoryBus.ts";
export * as PostgresBus from "./PostgresBus.ts";
export * as TracedBus from "./TracedBus.ts";
