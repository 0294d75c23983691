/** Shoppers for rehearsals, straight into this service's store. */
export { insertAll as seed, type NewUser } from "./Store.ts";
export { hashCheaply } from "./Passwords.ts";
