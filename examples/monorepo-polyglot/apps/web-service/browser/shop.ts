// What every page of the shop does. The front page does no more than that.

import { mountCart } from "./cart-panel.js";
import { mountAccount } from "./kit/account.js";

mountAccount();
mountCart();
