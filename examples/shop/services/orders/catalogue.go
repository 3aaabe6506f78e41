package main

// Product is something the shop sells. Prices live here and nowhere else: what a page shows is what an order costs.
type Product struct {
	SKU        string `json:"sku"`
	Name       string `json:"name"`
	Blurb      string `json:"blurb"`
	Emoji      string `json:"emoji"`
	PriceCents int    `json:"price_cents"`
}

const currency = "EUR"

var catalogue = []Product{
	{"lantern", "Signal lantern", "Red, green, and visible from two stations away.", "🏮", 4900},
	{"ticket", "Day ticket", "Every line, every tram, until the last train home.", "🎫", 1250},
	{"clock", "Station clock", "Loses no second and never a passenger.", "🕰️", 12900},
	{"bench", "Platform bench", "Oak and iron. Seats three, or one and a suitcase.", "🪑", 21900},
	{"map", "Network map", "Printed on linen. Folds the right way, every time.", "🗺️", 1900},
	{"cocoa", "Dining-car cocoa", "A tin of twelve cups, with the recipe.", "☕", 990},
}

// price adds up an order. It reports the first line that cannot be sold.
func price(lines []Line) (totalCents int, wrong string) {
	if len(lines) == 0 {
		return 0, "an order needs at least one line"
	}
	if len(lines) > 50 {
		return 0, "an order has at most 50 lines"
	}
	for _, line := range lines {
		product, found := find(line.SKU)
		switch {
		case !found:
			return 0, "there is no product \"" + line.SKU + "\""
		case line.Quantity < 1 || line.Quantity > 99:
			return 0, "quantity must be from 1 to 99"
		}
		totalCents += product.PriceCents * line.Quantity
	}
	return totalCents, ""
}

func find(sku string) (Product, bool) {
	for _, product := range catalogue {
		if product.SKU == sku {
			return product, true
		}
	}
	return Product{}, false
}
