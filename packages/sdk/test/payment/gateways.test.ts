import { PaymentGatewaySuite } from "@destiny/testkit/conformance";
import { bootpay, portOne, toss } from "./Subjects.ts";

PaymentGatewaySuite.suite("Toss", toss);
PaymentGatewaySuite.suite("PortOne", portOne);
PaymentGatewaySuite.suite("Bootpay by keys", bootpay("Keys"));
