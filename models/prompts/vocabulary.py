"""The words of the captions, a line of wordings a value; and words kept out of them, to test with."""

# fmt: off
NAMES = {
    "spaceman": (
        "spaceman", "space traveller", "man in a space suit", "space explorer", "rocket pilot",
        "man from a spaceship",
    ),
    "mammoth": (
        "mammoth", "woolly mammoth", "hairy mammoth", "tusked beast", "shaggy giant with tusks",
        "ice age animal with a trunk",
    ),
    "dog": ("dog", "little dog", "pet dog", "terrier", "spaniel", "doggy"),
    "car": ("car", "small car", "motor car", "vehicle", "sedan", "hatchback"),
    "bird": ("bird", "little bird", "plump bird", "songbird", "finch", "robin"),
    "rabbit": ("rabbit", "long-eared rabbit", "little rabbit", "cottontail", "fluffy rabbit", "bouncy little rabbit"),
    "cat": ("cat", "pet cat", "striped cat"),
    "robot": ("robot", "metal robot", "toy robot"),
    "turtle": ("turtle", "big turtle", "shelled turtle"),
    "balloon": ("hot-air balloon", "balloon", "balloon with a basket"),
    "snowman": ("snowman", "man made of snow", "snowman with a hat"),
    "horse": ("horse", "tall horse", "young horse"),
}
WEARS = {"spaceman": " with {c} knitted helmet", "snowman": " with {c} hat and scarf"}
"""Figures that wear their colour, as an alternative wording."""
COLOUR_WORDS = {
    "red": (
        "red", "bright red", "cherry red", "ruby", "ruby red", "dark red", "tomato red", "blood red", "brick red",
        "rose red", "vermilion", "carmine", "burgundy", "strawberry red", "fire-engine red",
    ),
    "yellow": (
        "yellow", "bright yellow", "lemon yellow", "canary yellow", "sun yellow", "amber yellow",
        "banana-coloured", "mustard yellow", "butter yellow", "straw yellow", "honey yellow", "corn yellow",
        "saffron", "blond",
    ),
    "green": (
        "green", "bright green", "grass green", "jade", "lime green", "olive green", "leaf-coloured", "mint green",
        "forest green", "moss green", "pea green", "viridian", "avocado green", "apple green",
    ),
    "blue": (
        "blue", "bright blue", "deep blue", "cobalt", "sapphire blue", "sky blue", "indigo blue", "royal blue",
        "ocean blue", "cerulean", "ultramarine", "baby blue", "denim blue", "cyan", "dark blue",
    ),
    "purple": (
        "purple", "deep purple", "plum purple", "lavender", "mauve", "lilac", "grape-coloured", "amethyst",
        "aubergine purple", "royal purple", "mulberry", "heather purple", "dark purple",
    ),
    "white": (
        "white", "snow-white", "pure white", "pearl white", "cream white", "chalky white", "milky", "bone white",
        "alabaster", "chalk white", "paper white", "frosty white", "eggshell white",
    ),
    "orange": (
        "orange", "bright orange", "pumpkin orange", "tangerine", "carrot orange", "rust orange", "apricot",
        "copper orange", "coral orange",
    ),
    "pink": (
        "pink", "bright pink", "rose pink", "salmon pink", "magenta pink", "bubblegum pink", "fuchsia",
        "blush pink", "flamingo pink",
    ),
    "brown": (
        "brown", "dark brown", "light brown", "chestnut", "chocolate brown", "earth brown", "nut brown", "coffee-coloured",
        "tan", "hazel", "bay brown", "cinnamon brown",
    ),
    "grey": ("grey", "dark grey", "stone grey", "ash grey", "smoky grey", "slate grey", "steel grey", "mouse grey", "gray"),
    "black": ("black", "jet black", "coal black", "pitch black", "raven black", "ebony", "ink black"),
}
PLACES = {
    "meadow": (
        "in a green meadow", "in a grassy meadow with trees and flowers", "on a field of grass", "in a pasture",
        "on green fields", "in the grass among flowers", "in the countryside",
    ),
    "desert": (
        "in the desert", "in a sandy desert with cacti", "among cacti and sand", "in a dry wasteland of sand",
        "on hot dry sand", "in a hot sandy land", "in an arid landscape",
    ),
    "snowfield": (
        "in a snowfield", "on snowy ground with fir trees", "in a white winter landscape", "in a polar landscape",
        "in the icy north", "on ice and snow", "in a frozen land",
    ),
    "city": (
        "in the city", "on a city street with tall buildings", "on a road in front of houses", "in town",
        "on an urban street", "among skyscrapers", "in the middle of a big town",
    ),
    "beach": (
        "on the beach", "on a sandy beach by the sea", "at the sea shore with palm trees", "at the coast",
        "by the ocean", "on the sand beside the waves",
    ),
    "forest": (
        "in the forest", "in a deep forest of tall trees", "between tree trunks in the woods", "in a grove",
        "in the jungle of trees", "among many trees",
    ),
    "mountains": (
        "in the mountains", "among rocky mountains with snowy tops", "in front of high mountain peaks",
        "in the highlands", "below snowy summits", "in the Alps",
    ),
    "farm": (
        "on a farm", "in a wheat field with a red barn", "on farmland with barns and a fence",
        "in the fields beside a barn", "at a ranch", "in a field of grain",
    ),
}
HOURS = {
    "noon": (
        "at noon", "in the middle of the day", "in bright daylight", "during the day", "at lunchtime",
        "when the sun is high", "by day", "at twelve o'clock", "in full sunlight", "around noon",
        "in broad daylight",
    ),
    "sunset": (
        "at sunset", "in the evening, the sun going down", "in the orange light of the setting sun",
        "late in the evening", "at nightfall, the sky orange", "as the day ends", "at sundown",
        "in the evening glow", "in the last light of day", "as evening falls",
    ),
    "night": (
        "at night", "in the dark of the night", "under the moon and stars", "late at night", "in darkness",
        "when it is dark", "after dark", "by moonlight", "in the small hours", "under a dark starry sky",
    ),
    "morning": (
        "in the morning", "in the early morning", "at sunrise", "at daybreak", "as the sun comes up",
        "soon after dawn", "in the first light of day", "early in the day",
    ),
}
SKIES = {
    "clear": (
        "the weather is fine", "under a clear sky", "it is dry and clear", "in sunny weather",
        "the sky is blue and empty", "in good weather", "no rain, no snow", "a bright blue sky", "dry weather",
        "not a drop of rain", "clear and bright", "pleasant weather",
    ),
    "rain": (
        "it is raining", "in the rain", "rain is falling", "in rainy weather", "in a shower", "wet weather",
        "it pours with rain", "in pouring rain", "raindrops fall", "under rain clouds", "in a thunderstorm",
        "soaked by rain",
    ),
    "snow": (
        "it is snowing", "snow is falling", "snowflakes come down", "in snowy weather", "in a snowstorm",
        "in falling snow", "heavy snowfall", "a snow shower", "flurries of snow", "thick snow comes down",
        "wintry snowfall",
    ),
    "fog": (
        "it is foggy", "in thick fog", "everything is in mist", "in misty weather", "in a haze", "hazy and grey",
        "low clouds cover everything", "murky weather",
    ),
}
DOES = {
    "stand": (
        "stands still", "is standing", "stays in place", "waits", "rests quietly", "does nothing",
        "stands there calmly",
    ),
    "walk left": (
        "walks to the left", "is walking left", "goes towards the left side", "wanders to the left",
        "moves left on foot",
    ),
    "walk right": (
        "walks to the right", "is walking right", "goes towards the right side", "wanders to the right",
        "moves right on foot",
    ),
    "jump": (
        "jumps up and down", "is jumping", "jumps in the air again and again", "bounces up and down",
        "springs into the air", "bounces",
    ),
    "run left": ("runs to the left", "is running left", "races towards the left side"),
    "run right": ("runs to the right", "is running right", "races towards the right side"),
    "dance": ("dances", "is dancing", "sways and dances"),
    "float": ("floats above the ground", "is floating in the air", "hovers in the air"),
}
VIEWS = {
    "static": ("the camera does not move", "a still camera", "a fixed shot"),
    "pan left": ("the camera pans left", "the view moves to the left", "a slow pan to the left"),
    "pan right": ("the camera pans right", "the view moves to the right", "a slow pan to the right"),
    "zoom in": ("the camera zooms in", "the view comes closer", "a slow zoom in"),
    "zoom out": ("the camera zooms out", "the view goes wider", "a slow zoom out"),
    "handheld": ("a shaky handheld camera", "filmed by hand, shaking", "the camera shakes"),
    "follow": ("the camera follows", "a tracking shot", "the camera goes along", "filmed from a car beside it"),
}
SYNONYMS = {
    "colour": {
        "garnet": "red",
        "periwinkle": "blue",
        "chartreuse": "green",
        "flaxen": "yellow",
        "orchid": "purple",
        "porcelain": "white",
    },
    "subject": {
        "pachyderm": "mammoth",
        "hound": "dog",
        "mutt": "dog",
        "cab": "car",
        "coupe": "car",
        "hare": "rabbit",
        "cosmonaut": "spaceman",
        "pigeon": "bird",
        "chick": "bird",
    },
    "setting": {
        "on the steppe": "meadow",
        "in a paddock": "meadow",
        "in the outback": "desert",
        "in Siberia": "snowfield",
        "in Manhattan": "city",
    },
    "time": {
        "at noontide": "noon",
        "in the gloaming": "sunset",
        "at the witching hour": "night",
    },
    "weather": {
        "in a deluge": "rain",
        "in a monsoon": "rain",
        "in a whiteout": "snow",
        "under balmy skies": "clear",
    },
    "action": {
        "bounds upwards": "jump",
        "ambles to the left": "walk left",
        "ambles to the right": "walk right",
        "stands rigid": "stand",
    },
}
"""Attribute -> words that no caption and no prompt of `speech` contains -> the value they mean; for evaluation only."""
# fmt: on
