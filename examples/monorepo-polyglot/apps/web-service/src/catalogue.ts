// What the shop sells. Prices are in cents.

export const CURRENCY = "EUR";

export interface Product {
  sku: string;
  name: string;
  tagline: string;
  /** Colour of the tile that it is shown on; see `.tile` in shop.css. */
  tone: "pine" | "sand" | "clay" | "mist";
  price_cents: number;
  description: string[];
}

export function findProduct(sku: string): Product | undefined {
  return PRODUCTS.find((product) => product.sku === sku);
}

export const PRODUCTS: readonly Product[] = [
  {
    sku: "lantern",
    name: "Harbour Lantern",
    tagline: "Forty hours of quiet light",
    tone: "pine",
    price_cents: 4_800,
    description: [
      "The Harbour Lantern burns for forty hours on a single filling of lamp oil. Its shape comes from the signal lamps that hung on working boats, where a light had to survive wind, spray and being dropped. The frame is folded from galvanised steel and riveted, so there is no weld to crack.",
      "The glass chimney lifts out without tools and can be washed in a stream. A small wheel on the side raises the wick, from a glow to read by to a flame that is seen across a valley. The handle locks upright, which keeps the warm metal away from your knuckles. Spare wicks and glass have kept the same size since the first lantern, and will fit the last one too.",
    ],
  },
  {
    sku: "mug",
    name: "Enamel Mug",
    tagline: "Better with every chip",
    tone: "sand",
    price_cents: 1_600,
    description: [
      "The Enamel Mug holds a third of a litre, which is one honest cup of coffee. It is pressed from a single sheet of steel and coated twice with glass enamel before it goes into the kiln. You can set it straight on the embers to warm up what has gone cold.",
      "Enamel does not take on the taste of yesterday's soup, and it never needs more than hot water to come clean. The rim is rolled and left bare, so it stays kind to your lips in frost. Sooner or later the mug will fall on a rock and lose a chip. That is how you will know which one is yours.",
    ],
  },
  {
    sku: "blanket",
    name: "Moorland Blanket",
    tagline: "Wool from one valley",
    tone: "clay",
    price_cents: 8_900,
    description: [
      "The Moorland Blanket is woven from the wool of sheep that graze a single valley all year. The fleece is washed but not bleached, so the grey and the brown are the colours of the animals themselves. A mill that has stood by the river for a century and a half weaves it on slow looms.",
      "Slow weaving leaves air between the threads, and the air is what keeps you warm. The blanket shrugs off a light rain and dries overnight over a chair. Its fringe is knotted by hand to keep the edge from running. Fold it in four and it becomes a seat, fold it in eight and it is a pillow for the train home.",
    ],
  },
  {
    sku: "notebook",
    name: "Field Notebook",
    tagline: "Writes in the rain",
    tone: "mist",
    price_cents: 1_400,
    description: [
      "The Field Notebook is made for writing where there is no table. Its paper holds a little stone dust, which lets a pencil write on it in steady rain. The cover is stiff enough to lean on and bends just enough to live in a back pocket.",
      "Every page carries a faint grid of dots that serves for maps, knots and shopping lists alike. The pages are sewn and not glued, so the book opens flat and loses nothing. An elastic band keeps the place and the pressed leaves. At the back there is a pocket for the ticket you will want to find again.",
    ],
  },
  {
    sku: "rucksack",
    name: "Day Rucksack",
    tagline: "Everything until evening",
    tone: "sand",
    price_cents: 12_400,
    description: [
      "The Day Rucksack carries what one person needs from breakfast until the last bus. It is cut from waxed cotton, which sheds a shower and grows softer and darker with the years. The straps are wide, and they meet the back where the shoulder blades do.",
      "Inside there is one large room and one small pocket, because three pockets are where keys go missing. The lid closes with two buckles that can be worked with gloves on. A flat sleeve along the back takes a map or a slim computer, and keeps either from poking you. If a seam ever gives way, send the bag back and we sew it without asking why.",
    ],
  },
  {
    sku: "compass",
    name: "Brass Compass",
    tagline: "North, without a battery",
    tone: "mist",
    price_cents: 6_200,
    description: [
      "The Brass Compass tells you where north is, and has never needed a software update to do it. The needle floats in clear oil and comes to rest in four seconds. Its pivot is a chip of sapphire, so it turns as freely in twenty years as it does today.",
      "The lid has a slit and a wire for taking a bearing on a distant chimney. A ring around the dial remembers that bearing, while you walk and think about something else. The markings glow faintly for a few hours after dusk. It is heavier than it has to be, and most people come to like that.",
    ],
  },
  {
    sku: "kettle",
    name: "Camp Kettle",
    tagline: "Tea for four in six minutes",
    tone: "pine",
    price_cents: 5_400,
    description: [
      "The Camp Kettle brings a litre of water to the boil in six minutes over a modest fire. Its base is wide and ringed, because a larger surface drinks more heat. The spout pours in a thin line and does not drip on the last cup.",
      "It is spun from thick aluminium and hardened on the outside, so smoke stains it and nothing else does. The wooden grip on the handle swings clear of the flames. The lid lodges shut when the kettle is tipped, as everybody learns to value exactly once. Two mugs fit inside it for the walk.",
    ],
  },
  {
    sku: "flask",
    name: "Winter Flask",
    tagline: "Hot at noon, warm at midnight",
    tone: "clay",
    price_cents: 3_600,
    description: [
      "The Winter Flask keeps tea hot until noon and still warm at midnight. Between its two steel walls there is nothing at all, and nothing is what heat finds hardest to cross. The stopper opens a quarter turn to pour, which lets out the tea and not the warmth.",
      "The cup is also the lid, and it is large enough for a child's mittens to hold. A ring of cork around the waist gives a dry grip in snow. The neck is wide, so a brush reaches the bottom and ice goes in for summer. We have dropped ours down a flight of stairs, and it sounded worse than it was.",
    ],
  },
];
