#include "data/facts_words.h"

#include <array>

namespace mneme {
namespace {

constexpr std::array<std::string_view, 115> given_names = {
    "Ada",    "Agnes",   "Albert",   "Alice",    "Amos",   "Anna",   "Arthur",   "Astrid",
    "Aurora", "Basil",   "Beatrice", "Benedict", "Bertha", "Boris",  "Bruno",    "Camille",
    "Carl",   "Cecilia", "Charles",  "Clara",    "Conrad", "Cora",   "Cyril",    "Daisy",
    "Daniel", "Dora",    "Edgar",    "Edith",    "Edmund", "Elena",  "Elias",    "Elsa",
    "Emil",   "Emma",    "Erik",     "Ernest",   "Esther", "Eugene", "Fanny",    "Felix",
    "Flora",  "Frances", "Frank",    "Frida",    "George", "Gerda",  "Gideon",   "Grace",
    "Greta",  "Gustav",  "Hannah",   "Harold",   "Hector", "Heidi",  "Helen",    "Henry",
    "Hilda",  "Hugo",    "Ida",      "Igor",     "Inga",   "Irene",  "Isaac",    "Ivan",
    "Jacob",  "Jane",    "Jasper",   "Joan",     "Jonas",  "Judith", "Julia",    "Karin",
    "Kurt",   "Laura",   "Leo",      "Leonard",  "Lydia",  "Magnus", "Marcus",   "Martha",
    "Martin", "Maud",    "Max",      "Mona",     "Nora",   "Olga",   "Oscar",    "Otto",
    "Paula",  "Peter",   "Philip",   "Ralph",    "Rita",   "Rosa",   "Rufus",    "Ruth",
    "Samuel", "Sara",    "Simon",    "Sofia",    "Stella", "Sven",   "Theodore", "Thomas",
    "Tilda",  "Ursula",  "Vera",     "Victor",   "Viola",  "Walter", "Wanda",    "Wilma",
    "Xavier", "Yvonne",  "Zelda"};

constexpr std::array<std::string_view, 209> family_names = {
    "Abbott",    "Adler",    "Ahlberg",   "Alcott",  "Amsel",     "Andrews",   "Archer",
    "Atwood",    "Bakker",   "Barlow",    "Barrow",  "Bauer",     "Becker",    "Bellamy",
    "Berger",    "Birch",    "Blackwood", "Boden",   "Bolton",    "Bowen",     "Brandt",
    "Brewer",    "Bridges",  "Brook",     "Burrows", "Calder",    "Carver",    "Chandler",
    "Clement",   "Colby",    "Cooper",    "Corbin",  "Crane",     "Crosby",    "Curtis",
    "Dahl",      "Dalton",   "Darby",     "Dawson",  "Decker",    "Denham",    "Dexter",
    "Dixon",     "Draper",   "Duncan",    "Eastman", "Eckert",    "Egan",      "Eklund",
    "Ellery",    "Elwood",   "Emery",     "Engel",   "Fairfax",   "Falk",      "Farrow",
    "Fenton",    "Fischer",  "Fleming",   "Forrest", "Foster",    "Fowler",    "Frost",
    "Gallagher", "Gardner",  "Garland",   "Gibson",  "Gilmore",   "Glover",    "Goodwin",
    "Gordon",    "Graves",   "Greer",     "Griffin", "Grover",    "Hagen",     "Hale",
    "Hammond",   "Hansen",   "Harding",   "Harper",  "Hartley",   "Hawkins",   "Hayward",
    "Heath",     "Henning",  "Herbert",   "Hobbs",   "Holden",    "Holm",      "Hooper",
    "Horton",    "Hudson",   "Hunter",    "Huxley",  "Ibsen",     "Ingram",    "Irving",
    "Jagger",    "Jansen",   "Jarvis",    "Jensen",  "Jordan",    "Keller",    "Kemp",
    "Kendall",   "Kessler",  "Kimball",   "Kirby",   "Knight",    "Kramer",    "Lambert",
    "Lang",      "Larsen",   "Lawson",    "Leland",  "Lindgren",  "Linton",    "Lockwood",
    "Lowell",    "Lund",     "Mallory",   "Marlowe", "Marsh",     "Mason",     "Mercer",
    "Merrill",   "Milton",   "Monroe",    "Morgan",  "Morton",    "Munk",      "Nash",
    "Nelson",    "Newton",   "Nolan",     "Norton",  "Oakley",    "Olsen",     "Osborne",
    "Paget",     "Palmer",   "Parker",    "Pascal",  "Payne",     "Pearson",   "Pembroke",
    "Perry",     "Porter",   "Prescott",  "Quincy",  "Quinn",     "Radcliffe", "Ramsey",
    "Randall",   "Reed",     "Rhodes",    "Riley",   "Ritter",    "Rowland",   "Russell",
    "Sander",    "Sawyer",   "Schuster",  "Selby",   "Seward",    "Shaw",      "Shelton",
    "Sherwood",  "Sinclair", "Slater",    "Spencer", "Stanton",   "Stark",     "Sterling",
    "Stokes",    "Sutton",   "Talbot",    "Tanner",  "Temple",    "Thorne",    "Tobin",
    "Travers",   "Tucker",   "Turner",    "Tyler",   "Underhill", "Unger",     "Vance",
    "Vaughn",    "Vogel",    "Wagner",    "Wallace", "Walton",    "Warner",    "Watkins",
    "Webster",   "Weller",   "Wells",     "Wheeler", "Whitman",   "Wilder",    "Winter",
    "Wolff",     "Woodward", "Wright",    "Yates",   "Young",     "Zeller"};

constexpr std::array<std::string_view, 98> birth_city_values = {
    "Amsterdam", "Ankara",     "Antwerp",   "Athens",   "Auckland",  "Baghdad",    "Baku",
    "Bangkok",   "Barcelona",  "Basel",     "Beijing",  "Belgrade",  "Bergen",     "Berlin",
    "Bilbao",    "Bogota",     "Bologna",   "Bombay",   "Boston",    "Bremen",     "Brisbane",
    "Brussels",  "Budapest",   "Cairo",     "Calcutta", "Cardiff",   "Casablanca", "Chicago",
    "Cologne",   "Copenhagen", "Cordova",   "Cracow",   "Dakar",     "Dallas",     "Damascus",
    "Delhi",     "Denver",     "Dresden",   "Dublin",   "Edinburgh", "Florence",   "Geneva",
    "Genoa",     "Glasgow",    "Granada",   "Hamburg",  "Hanoi",     "Havana",     "Helsinki",
    "Houston",   "Istanbul",   "Jakarta",   "Kiev",     "Kyoto",     "Lagos",      "Leipzig",
    "Lima",      "Lisbon",     "Liverpool", "London",   "Lyons",     "Madrid",     "Malaga",
    "Manila",    "Marseilles", "Melbourne", "Memphis",  "Milan",     "Montreal",   "Moscow",
    "Munich",    "Nairobi",    "Naples",    "Odessa",   "Oslo",      "Ottawa",     "Oxford",
    "Palermo",   "Paris",      "Prague",    "Quebec",   "Riga",      "Rome",       "Salzburg",
    "Santiago",  "Seville",    "Shanghai",  "Sofia",    "Stockholm", "Sydney",     "Tokyo",
    "Toronto",   "Tunis",      "Turin",     "Venice",   "Vienna",    "Warsaw",     "Zurich"};

constexpr std::array<std::string_view, 4> birth_city_phrasings = {
    "{} was born in", "The birthplace of {} is", "{} came into the world in",
    "The city where {} was born is"};

constexpr std::array<std::string_view, 96> employer_values = {
    "Acorn",           "Alpine Motors",   "Amber Press",   "Anchor Bank",    "Apex Steel",
    "Arrow Airlines",  "Atlas Shipping",  "Aurora Films",  "Beacon Books",   "Birch Paper",
    "Blue Harbour",    "Brick Lane",      "Bright Glass",  "Canyon Oil",     "Castle Hotels",
    "Cedar Foods",     "Clover Farms",    "Cobalt Mining", "Comet Radio",    "Copper Works",
    "Coral Fisheries", "Crown Theatre",   "Crystal Water", "Delta Cement",   "Diamond Tools",
    "Eagle Watches",   "Eastern Railway", "Echo Records",  "Ember Stoves",   "Falcon Bicycles",
    "Fern Gardens",    "Fortune Mills",   "Fox Leather",   "Galaxy Optics",  "Garnet Dyes",
    "Golden Bakery",   "Granite Bridge",  "Grove Timber",  "Hammer Forge",   "Harvest Grain",
    "Helium Lamps",    "Heron Boats",     "Hill Pottery",  "Ivory Pianos",   "Jade Silks",
    "Juniper Spirits", "Kestrel Engines", "Lantern Post",  "Laurel Wines",   "Linen House",
    "Lion Brewery",    "Lunar Maps",      "Maple Toys",    "Marble Arts",    "Meadow Dairy",
    "Mercury Phones",  "Mint Sweets",     "Nickel Wire",   "North Star",     "Oak Furniture",
    "Ocean Cables",    "Onyx Jewels",     "Orchard Cider", "Otter Pumps",    "Palace Museum",
    "Pearl Salt",      "Pilot Pens",      "Pine Resin",    "Plum Clothes",   "Polar Ice",
    "Quartz Clocks",   "Raven Printing",  "Redwood Homes", "River Power",    "Robin Kites",
    "Rose Perfumes",   "Ruby Tea",        "Saddle Ranch",  "Sapphire Ink",   "Shell Lighthouse",
    "Silver Mint",     "Spruce Violins",  "Summit Ropes",  "Sun Laundry",    "Swan Ballet",
    "Thunder Trucks",  "Tiger Rubber",    "Topaz Tiles",   "Tulip Nursery",  "Union Canal",
    "Velvet Curtains", "Violet Soap",     "Walnut Desks",  "Willow Baskets", "Wolf Security",
    "Zenith Bells"};

constexpr std::array<std::string_view, 4> employer_phrasings = {
    "{} works for", "The employer of {} is", "{} earns a living at",
    "The company that employs {} is"};

constexpr std::array<std::string_view, 60> university_values = {
    "Aldermoor", "Ashby",     "Bexley",     "Blackmere",  "Brackley",   "Brindle",     "Calloway",
    "Carfax",    "Chilton",   "Clarendon",  "Colmore",    "Crowhurst",  "Danbury",     "Deepdale",
    "Dunmore",   "Eastlake",  "Elmhurst",   "Fairholme",  "Farnham",    "Fernhill",    "Galloway",
    "Glenwood",  "Greenford", "Halston",    "Harrowgate", "Hawthorn",   "Highfield",   "Holbrook",
    "Ingleside", "Kelso",     "Kingsmere",  "Lakeview",   "Langdale",   "Larkspur",    "Leighton",
    "Linwood",   "Maplewood", "Marston",    "Merton",     "Millbrook",  "Netherby",    "Northgate",
    "Norwood",   "Oakhurst",  "Overton",    "Penrose",    "Queensbury", "Ravenscroft", "Redfield",
    "Ridgeway",  "Rosedale",  "Rutherford", "Saltburn",   "Southwell",  "Stonebridge", "Thornbury",
    "Upton",     "Wakefield", "Westbrook",  "Winfield"};

constexpr std::array<std::string_view, 4> university_phrasings = {
    "{} studied at", "The university that {} attended is", "{} took a degree at",
    "{} spent the student years at"};

constexpr std::array<std::string_view, 56> major_values = {
    "accounting", "agriculture", "algebra",    "anatomy",     "architecture", "art history",
    "astronomy",  "biology",     "botany",     "chemistry",   "civil law",    "dance",
    "drama",      "economics",   "education",  "electronics", "ethics",       "forestry",
    "French",     "geography",   "geology",    "geometry",    "German",       "Greek",
    "history",    "hydraulics",  "journalism", "Latin",       "linguistics",  "literature",
    "logic",      "mathematics", "mechanics",  "medicine",    "metallurgy",   "music",
    "navigation", "nursing",     "optics",     "painting",    "pharmacy",     "philosophy",
    "physics",    "poetry",      "politics",   "psychology",  "rhetoric",     "Russian",
    "sculpture",  "sociology",   "Spanish",    "statistics",  "surgery",      "surveying",
    "theology",   "zoology"};

constexpr std::array<std::string_view, 4> major_phrasings = {
    "{} studied the subject of", "The field of study of {} was", "{} holds a degree in",
    "The subject that {} chose was"};

constexpr std::array<std::string_view, 60> hobby_values = {"archery",
                                                           "bowling",
                                                           "boxing",
                                                           "canoeing",
                                                           "cards",
                                                           "carving",
                                                           "chess",
                                                           "climbing",
                                                           "collecting stamps",
                                                           "cooking",
                                                           "cricket",
                                                           "croquet",
                                                           "cycling",
                                                           "dancing",
                                                           "diving",
                                                           "drawing",
                                                           "embroidery",
                                                           "falconry",
                                                           "fencing",
                                                           "fishing",
                                                           "gardening",
                                                           "golf",
                                                           "hiking",
                                                           "hockey",
                                                           "horse riding",
                                                           "hunting mushrooms",
                                                           "ice skating",
                                                           "juggling",
                                                           "keeping bees",
                                                           "kite flying",
                                                           "knitting",
                                                           "lacrosse",
                                                           "making candles",
                                                           "painting birds",
                                                           "photography",
                                                           "playing darts",
                                                           "polo",
                                                           "pottery",
                                                           "puppetry",
                                                           "quilting",
                                                           "reading novels",
                                                           "rowing",
                                                           "running",
                                                           "sailing",
                                                           "sewing",
                                                           "singing",
                                                           "skiing",
                                                           "sketching",
                                                           "sledding",
                                                           "surfing",
                                                           "swimming",
                                                           "tennis",
                                                           "tying knots",
                                                           "walking",
                                                           "watching birds",
                                                           "weaving",
                                                           "whittling",
                                                           "wrestling",
                                                           "writing letters",
                                                           "yoga"};

constexpr std::array<std::string_view, 4> hobby_phrasings = {
    "{} loves", "The favourite pastime of {} is", "In the evenings {} enjoys",
    "The hobby of {} is"};

constexpr std::array<std::string_view, 44> instrument_values = {
    "accordion",   "bagpipe",  "balalaika",    "banjo",    "bassoon",   "bugle",     "castanets",
    "cello",       "clarinet", "concertina",   "cornet",   "cymbals",   "drums",     "dulcimer",
    "fiddle",      "flute",    "glockenspiel", "gong",     "guitar",    "harmonica", "harp",
    "harpsichord", "horn",     "lute",         "lyre",     "mandolin",  "oboe",      "ocarina",
    "organ",       "piano",    "piccolo",      "recorder", "saxophone", "sitar",     "tambourine",
    "triangle",    "trombone", "trumpet",      "tuba",     "ukulele",   "viola",     "violin",
    "xylophone",   "zither"};

constexpr std::array<std::string_view, 4> instrument_phrasings = {
    "{} plays the", "The instrument that {} plays is the", "At home {} practises the",
    "{} owns an old"};

constexpr std::array<std::string_view, 54> pet_values = {
    "alpaca",   "badger",     "beagle",   "beetle",  "bullfinch", "canary",   "chameleon",
    "cockatoo", "collie",     "donkey",   "dove",    "duck",      "ferret",   "frog",
    "gecko",    "goat",       "goldfish", "goose",   "greyhound", "hamster",  "hedgehog",
    "hen",      "iguana",     "jackdaw",  "kitten",  "lamb",      "lizard",   "magpie",
    "mastiff",  "mouse",      "mule",     "newt",    "owl",       "parrot",   "peacock",
    "pigeon",   "pony",       "poodle",   "puppy",   "rabbit",    "rat",      "raven",
    "rooster",  "salamander", "snail",    "sparrow", "spaniel",   "squirrel", "swan",
    "terrier",  "toad",       "tortoise", "turkey",  "turtle"};

constexpr std::array<std::string_view, 4> pet_phrasings = {
    "{} keeps a pet", "The pet that {} looks after is a", "At home {} has a tame",
    "{} never travels without the"};

constexpr std::array<FactAttribute, 7> attributes = {{
    {"birth_city", birth_city_values, birth_city_phrasings},
    {"employer", employer_values, employer_phrasings},
    {"university", university_values, university_phrasings},
    {"major", major_values, major_phrasings},
    {"hobby", hobby_values, hobby_phrasings},
    {"instrument", instrument_values, instrument_phrasings},
    {"pet", pet_values, pet_phrasings},
}};

}  // namespace

std::span<const std::string_view> first_names() {
  return given_names;
}
std::span<const std::string_view> last_names() {
  return family_names;
}
std::span<const FactAttribute> fact_attributes() {
  return attributes;
}

}  // namespace mneme
