/** Every topic of the shop, with its owner. Partitions bound how many copies of a consumer can share the work. */
import * as Topic from "@destiny/sdk/message";

const { make } = Topic.Topic;

export const productCommands = make("product.commands", { owner: "product" });
export const productEvents = make("product.events", { owner: "product" });
export const stockCommands = make("stock.commands", { owner: "stock" });
export const stockEvents = make("stock.events", { owner: "stock" });
export const orderCommands = make("order.commands", { owner: "order" });
export const orderEvents = make("order.events", { owner: "order" });
export const paymentCommands = make("payment.commands", { owner: "payment" });
export const paymentEvents = make("payment.events", { owner: "payment" });
export const couponCommands = make("coupon.commands", { owner: "coupon" });
export const brandEvents = make("brand.events", { owner: "brand" });
export const sagaReplies = make("saga.replies", { owner: "saga" });
