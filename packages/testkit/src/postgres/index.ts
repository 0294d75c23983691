export * as Account from "./Account.ts";
export * as Binaries from "./Binaries.ts";
export * as InstanceCluster from "./InstanceCluster.ts";
export * as PostgresError from "./PostgresError.ts";
export * as Postmaster from "./Postmaster.ts";
export * as TestCluster from "./TestCluster.ts";
export * as TestDatabase from "./TestDatabase.ts";
