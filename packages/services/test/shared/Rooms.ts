/** Every service of the shop that has a contract, each alone. */
import * as Brand from "../../src/brand/layer.ts";
import * as Coupon from "../../src/coupon/layer.ts";
import * as Notification from "../../src/notification/layer.ts";
import * as Order from "../../src/order/layer.ts";
import * as Product from "../../src/product/layer.ts";
import * as Saga from "../../src/saga/layer.ts";
import * as Stock from "../../src/stock/layer.ts";
import * as User from "../../src/user/layer.ts";
import * as Payments from "../payment/Payments.ts";
import * as ServiceTest from "./ServiceTest.ts";

/** By the contract's name. */
export const rooms = {
  user: ServiceTest.layer("user", User.layer),
  product: ServiceTest.layer("product", Product.layer),
  stock: ServiceTest.layer("stock", Stock.layer),
  order: ServiceTest.layer("order", Order.layer),
  brand: ServiceTest.layer("brand", Brand.layer),
  payment: Payments.service,
  notification: ServiceTest.layer("notification", Notification.layer),
  coupon: ServiceTest.layer("coupon", Coupon.layer),
  saga: ServiceTest.layer("saga", Saga.layer),
} as const;

export const roomOf = (service: string) => rooms[service as keyof typeof rooms];
