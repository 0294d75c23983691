/** Products for rehearsals, straight into this service's store. Their stock is the stock service's to seed. */
export { insertAll as seed } from "./Store.ts";
export type { ProductState } from "./Domain.ts";
