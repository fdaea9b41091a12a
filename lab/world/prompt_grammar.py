"""Prompts as people type them: more words than captions have, in looser grammar, and much left open. The net that reads
prompts is trained on them beside captions; the transformer is not, for it gets every prompt in plain words."""

from __future__ import annotations

import random
from collections.abc import Mapping

from ...models.prompts.captions import Caption, article
from ...models.prompts.scene import TRAVEL, Scene
from ...models.prompts.vocabulary import COLOUR_WORDS, HOURS, NAMES, PLACES, SKIES, VIEWS

# fmt: off
FIGURES = {
    "spaceman": (
        "astronaut", "space man", "woman in a space suit", "spacewoman", "moon explorer", "space ranger", "person in a spacesuit",
        "astronaut in a helmet", "explorer from Mars", "man with a space helmet", "man", "woman", "person", "boy", "girl", "child",
        "people", "hiker", "knight", "hero", "old man", "lady", "pilot", "soldier", "king", "scientist", "wizard",
    ),
    "mammoth": (
        "mastodon", "elephant", "elephants", "prehistoric mammoth", "baby mammoth", "giant mammoth", "furry mammoth",
        "big animal with a trunk and tusks",
        "huge beast with tusks", "large grey animal with a trunk", "mammoths", "trunked giant", "bear", "buffalo", "rhino", "bison",
        "dinosaur", "yeti", "monster", "hippo", "camel",
    ),
    "dog": (
        "puppy", "golden retriever", "doggo", "pup", "labrador", "retriever", "beagle", "poodle", "corgi", "husky",
        "shepherd dog", "german shepherd",
        "dachshund", "bulldog", "wolf", "fox", "dalmatian", "canine", "young dog", "dogs", "sheep", "goat", "pig", "cow", "deer",
    ),
    "car": (
        "automobile", "taxi", "sports car", "race car", "truck", "van", "old car", "jeep", "limousine", "convertible", "racing car",
        "pickup", "vintage car", "minivan", "roadster", "police car", "cars", "bus", "train", "boat", "ship", "tractor", "tram",
        "lorry",
    ),
    "bird": (
        "sparrow", "hen", "chicken", "duck", "duckling", "crow", "owl", "parrot", "eagle", "blackbird", "penguin", "goose", "gull",
        "feathered animal", "baby bird", "birds", "rooster", "dove", "swallow",
    ),
    "rabbit": (
        "bunny", "bunny rabbit", "baby rabbit", "easter bunny", "wild rabbit", "rabbits", "floppy-eared bunny", "pet rabbit",
        "animal with long ears", "jackrabbit", "squirrel", "mouse", "hamster", "kangaroo", "hedgehog",
    ),
    "cat": ("kitten", "kitty", "tomcat", "tabby", "tiger", "lion", "house cat", "leopard", "cats", "feline"),
    "robot": ("android", "droid", "machine man", "metal man", "cyborg", "mechanical man", "tin man", "robots"),
    "turtle": ("tortoise", "sea turtle", "baby turtle", "animal with a shell", "turtles"),
    "balloon": ("air balloon", "airship", "gas balloon", "balloons", "zeppelin"),
    "snowman": ("snow man", "frosty the snowman", "figure made of snow", "snowmen"),
    "horse": ("pony", "foal", "stallion", "mare", "donkey", "zebra", "unicorn", "horses", "colt", "mustang"),
}
COLOURS = {
    "red": (
        "scarlet", "crimson", "maroon", "rust red", "reddish", "cherry", "blood-coloured", "ginger red", "red-coloured",
        "wine red",
    ),
    "yellow": ("golden", "gold", "yellowish", "blonde", "sandy", "lemon", "sunflower yellow", "mustard", "amber"),
    "green": (
        "greenish", "emerald", "emerald green", "lime", "mint", "olive", "teal green", "grassy green", "pine green",
        "pistachio", "kelly green",
    ),
    "blue": (
        "navy", "azure", "navy blue", "bluish", "indigo", "sapphire", "turquoise", "teal", "midnight blue", "electric blue",
        "powder blue",
    ),
    "purple": ("violet", "plum", "purplish", "grape", "eggplant", "lavender purple", "deep violet", "aubergine"),
    "white": ("ivory", "cream", "pale", "snowy", "whitish", "off-white", "pearly", "ash white"),
    "orange": ("tangerine orange", "carrot", "pumpkin", "rusty", "ginger", "peach", "terracotta"),
    "pink": ("rosy", "pinkish", "hot pink", "magenta", "salmon", "bubblegum", "candy pink"),
    "brown": ("brownish", "chocolate", "caramel", "coffee brown", "mahogany", "wooden brown", "mud-coloured", "sepia", "umber"),
    "grey": ("greyish", "silver", "light grey", "charcoal grey", "slate", "metallic", "ashen", "iron grey", "dove grey"),
    "black": ("blackish", "inky", "charcoal", "pitch-black", "coal-coloured", "dark as night", "onyx"),
}
SCENES = {
    "meadow": (
        "on grassland", "on a prairie", "on a lawn", "in a garden", "in a park", "on a grassy hill", "in the grass", "in a field",
        "in a flowery field", "on a green hill", "in a valley of flowers", "on the savanna", "through tall grass",
        "across a meadow",
        "on a sports field", "on a village green", "among daisies",
    ),
    "desert": (
        "among sand dunes", "across sand dunes", "in the Sahara", "in the sand", "in a canyon", "across the dunes",
        "in a dusty wasteland", "on dry cracked ground",
        "on a sandy plain", "in Arizona", "in the Gobi", "on a salt flat", "on Mars", "across hot sands", "beside a cactus",
        "in a barren sandy place", "in the dusty wild west",
    ),
    "snowfield": (
        "in the arctic", "on the tundra", "through the snow", "across the snow", "on a glacier", "in a winter wonderland",
        "on a frozen lake",
        "in deep snow", "in Antarctica", "on the ice", "in a snowy field", "on a ski slope", "in snow", "in the snow", "in Lapland",
        "in the ice age", "over snow-covered ground",
    ),
    "city": (
        "downtown", "in a metropolis", "on the street", "in New York", "in Tokyo", "in London", "in a busy street",
        "down the road", "on a highway",
        "on the pavement", "between buildings", "in the suburbs", "in a neon-lit street", "across a crossroads", "on Main Street",
        "at a traffic light", "in a parking lot", "on a crosswalk",
    ),
    "beach": ("on the shore", "by the sea", "on an island", "at the seaside", "by the water", "along the waves", "in Hawaii"),
    "forest": ("in the woods", "through the trees", "in a jungle", "in the rainforest", "among pines", "under tall trees"),
    "mountains": ("on a mountain", "in the hills", "on a cliff", "on a rocky ridge", "in the Himalayas", "on a summit"),
    "farm": ("at a farm", "in a barnyard", "by a barn", "in a wheat field", "on a ranch", "in an orchard", "in a corn field"),
}
WHEN = {
    "noon": (
        "at lunch", "at midday", "daytime", "in the afternoon", "in the sunshine", "on a bright day", "in daylight",
        "on a sunny day", "on a summer day", "with the sun overhead", "day", "during daytime", "in broad sunlight",
    ),
    "sunset": (
        "at twilight", "at dusk", "dusk", "sunset", "in the evening", "golden hour", "as the sun sets", "with an orange sky",
        "in the evening light",
        "while the sun goes down", "at the end of the day", "under a red evening sky", "late evening", "sundown", "after sunset",
    ),
    "night": (
        "at midnight", "at nighttime", "night", "by night", "under the stars", "under a full moon", "in the dark",
        "in moonlight", "nighttime scene",
        "on a dark night", "with stars in the sky", "during the night", "in pitch darkness", "at 2 am",
    ),
    "morning": (
        "at dawn", "morning", "early morning", "as the sun rises", "sunrise", "in the morning light", "just after sunrise",
        "on a fresh morning", "at breakfast time",
    ),
}
WEATHER = {
    "clear": (
        "sunny", "under a cloudless sky", "clear sky", "blue sky", "fair weather", "nice weather", "dry", "no clouds",
        "under blue skies", "beautiful weather",
        "clear weather", "not raining", "clear night sky",
    ),
    "rain": (
        "in a drizzle", "in a downpour", "rainy", "raining", "rain", "heavy rain", "light rain", "in the wet", "stormy",
        "it rains", "rainstorm",
        "wet and rainy", "raining heavily", "with thunder and rain", "on a rainy day", "under grey rain clouds",
    ),
    "snow": (
        "snowy", "in a blizzard", "snowing", "snow", "snowfall", "while it snows", "snowflakes", "it snows", "on a snowy day",
        "light snow",
        "snow falling", "big flakes of snow", "with snow coming down", "winter storm",
    ),
    "fog": ("foggy", "fog", "mist", "misty", "haze", "hazy", "smoky air", "in dense fog", "smog", "on a foggy day"),
}
DOING = {
    "stand": (
        "standing", "stands motionless", "standing still", "resting", "waiting", "sitting", "sleeping", "parked", "posing",
        "looking around", "stopped",
        "not moving", "sits", "stands", "rests", "sleeps", "looks at the camera", "watching", "is parked", "lying down", "idle",
    ),
    "walk left": ("walking left", "trots to the left", "walking to the left", "walks left", "strolls to the left",
    "drives to the left", "going left",
                  "heading left", "moving to the left", "drives left", "crosses from right to left", "marches left"),
    "walk right": (
        "walking", "walks", "trots", "trots to the right", "walking right", "walking to the right", "walks right", "strolls",
        "strolls to the right",
        "strolling", "wandering", "wanders", "drives", "driving", "moving", "going for a walk", "marching", "on the move", "hiking",
        "driving along", "crossing", "moves along", "heading right", "drives to the right", "crosses from left to right",
        "travels", "exploring", "going", "walking along", "walks slowly", "rolling along", "patrols", "wandering around",
    ),
    "jump": (
        "jumping", "leaps", "leaping", "hops", "hopping", "jumps", "bouncing", "bounces around", "jumping up and down",
        "jumps for joy",
        "hopping around", "bounces happily", "jumping around", "jumps high",
    ),
    "run left": ("running left", "runs left", "sprinting to the left", "racing left", "speeding to the left", "dashes left"),
    "run right": (
        "running", "runs", "running right", "racing", "sprinting", "runs fast", "chasing", "galloping", "speeding", "dashing",
        "races", "rushing", "runs right", "fleeing", "jogging", "speeds along",
    ),
    "dance": ("dancing", "doing a dance", "dances happily", "swaying", "spinning", "twirling", "doing the tango", "partying"),
    "float": ("floating", "flying", "hovering", "floats", "flies", "soaring", "drifting in the air", "levitating", "gliding"),
}
SHOTS = {
    "static": ("static shot", "still shot", "locked-off camera", "tripod shot", "static camera", "camera stays still"),
    "pan left": ("pan left", "panning left", "camera moves left", "camera turns left", "pans to the left", "left pan"),
    "pan right": ("pan right", "panning right", "camera moves right", "camera turns right", "pans to the right", "right pan"),
    "zoom in": ("zoom in", "zooming in", "camera pushes in", "dolly in", "camera gets closer", "close-up zoom"),
    "zoom out": ("zoom out", "zooming out", "camera pulls back", "dolly out", "camera moves away", "pull back"),
    "handheld": ("handheld", "handheld shot", "shaky cam", "hand-held footage", "shaking camera", "amateur footage"),
    "follow": (
        "tracking shot", "following shot", "camera follows along", "camera tracks the subject", "dolly shot alongside", "steadicam",
        "camera moves along with it",
    ),
}
STYLES = (
    "cinematic", "4k", "8k", "highly detailed", "a video of", "footage of", "high quality", "beautiful", "photo-realistic",
    "animated", "pixar style", "wide shot", "masterpiece", "film grain", "35mm film", "documentary", "in slow motion", "cute",
    "dramatic lighting", "hand-drawn", "stylised", "vivid colours", "trailer for a film", "a clip of", "show me", "I want to see",
    "please make a video of", "an adorable scene:", "a short clip with", "there is", "imagine",
)
EXTRAS = (
    "happily", "slowly", "alone", "with friends", "quickly", "quietly", "in peace", "looking curious", "with big eyes",
    "and smiles",
    "beautifully", "all day", "for hours", "with a smile", "in a hurry", "proudly", "again and again", "very gently", "eating",
)
OTHERS = (
    "house", "tree", "flower", "bowl of fruit", "guitar", "clock", "lake", "waterfall", "castle", "bridge", "teapot", "computer",
    "pizza", "fish", "butterfly", "candle", "book", "bicycle", "plane", "rocket", "statue", "lamp", "chess board", "coffee cup",
    "crowd", "planet", "volcano", "whale", "jellyfish", "sandcastle", "violin", "river", "storm cloud", "spaceship", "garden gnome",
)
"""What is none of the figures."""
ADJECTIVES = (
    "small", "big", "cute", "little", "old", "young", "happy", "tiny", "huge", "fluffy", "lonely", "brave", "sad", "lovely",
)
# fmt: on


def _word(rng: random.Random, *tables: Mapping[str, tuple[str, ...]], of: str) -> str:
    return rng.choice([w for table in tables for w in table[of]])


def prompt(scene: Scene, seed: int, colours: Mapping[str, tuple[str, ...]] = COLOURS) -> Caption:
    """One prompt about a scene, reproducible from `seed`; `said` names what it tells. A way with no direction is one to
    the right. `colours` are more words for colours."""
    rng = random.Random(f"prompt-{seed}")
    told = {
        k
        for k, share in (("colour", 0.75), ("action", 0.8), ("setting", 0.75), ("time", 0.5), ("weather", 0.45), ("camera", 0.3))
        if rng.random() < share
    } | {"subject"}
    if rng.random() < 0.06:  # something that is no figure of this world
        told -= {"subject", "colour"}
        who = article(rng.choice(OTHERS))
    else:
        who = " and ".join(_figure(s.kind, s.colour if "colour" in told else None, rng, colours) for s in scene.subjects)
    words = []
    if "action" in told:
        does = _word(rng, DOING, of=scene.action)
        if scene.action in TRAVEL and rng.random() < 0.15:  # a direction of its own
            does = does.replace(f" {scene.action.split()[1]}", "") + f" to the {scene.action.split()[1]}"
        words.append(does if does.endswith("s") or rng.random() < 0.7 else f"is {does}")
    if rng.random() < 0.15:
        words.append(rng.choice(EXTRAS))
    places = [
        (name, _word(rng, more, usual, of=getattr(scene, name)))
        for name, more, usual in (("setting", SCENES, PLACES), ("time", WHEN, HOURS), ("weather", WEATHER, SKIES))
        if name in told
    ]
    rng.shuffle(places)
    view = [_word(rng, SHOTS, VIEWS, of=scene.camera)] if "camera" in told else []
    style = rng.choice(STYLES) if rng.random() < 0.3 else ""
    kind = rng.random()
    if kind < 0.55:
        text = " ".join([who, *words, *(p for _, p in places)])
        text = ", ".join([text, *view])
    elif kind < 0.75:
        text = ", ".join([" ".join([who, *words]), *(p for _, p in places), *view])
    elif kind < 0.88:
        front = [p for _, p in places]
        text = ", ".join([*front, *view, " ".join([who, *words])])
    else:
        parts = [*(p for _, p in places), *view, " ".join([who, *words])]
        rng.shuffle(parts)
        text = ". ".join(parts)
    if style:
        text = f"{style} {text}" if rng.random() < 0.5 or style[-1] in ":f" else f"{text}, {style}"
    return Caption(_case(text, rng), frozenset(told))


def _case(text: str, rng: random.Random) -> str:
    pick = rng.random()
    return text if pick < 0.5 else text.lower() if pick < 0.65 else text[:1].upper() + text[1:] + rng.choice(("", ".", "!"))


def _figure(kind: str, colour: str | None, rng: random.Random, colours: Mapping[str, tuple[str, ...]]) -> str:
    name = _word(rng, FIGURES, FIGURES, NAMES, of=kind)
    if rng.random() < 0.2:
        name = f"{rng.choice(ADJECTIVES)} {name}"
    if colour is not None:
        word = _word(rng, colours, COLOURS, COLOUR_WORDS, of=colour)
        wears = {"spaceman": ("helmet", "knitted helmet", "suit", "space suit"), "snowman": ("hat", "scarf")}.get(kind)
        if wears and rng.random() < 0.4:
            name = f"{name} {rng.choice(('in', 'wearing', 'with'))} {article(word)} {rng.choice(wears)}"
        elif rng.random() < 0.08:
            name = f"{name} that is {word}"
        else:
            name = f"{word} {name}"
    return article(name) if rng.random() < 0.8 else f"the {name}" if rng.random() < 0.5 else name
