"""Films, series, games and toys with names that mean nothing else: coined words, and words that only they put together.

Without names that are also words or songs (Frozen, Cars, Titanic, Iron Man, Barbie): of those a moderator thinks. None
of the 233 real artists that this list was tried on is in it.
"""

#: Words in lower case without punctuation or accents, one space between them.
_NAMES = (
    "star wars", "mandalorian", "grogu", "darth vader", "jedi", "star trek", "harry potter", "hogwarts", "hermione",
    "lord of the rings", "gandalf", "gollum", "game of thrones", "house of the dragon", "squid game", "the simpsons",
    "bart simpson", "spongebob", "rick and morty", "paw patrol", "peppa pig", "cocomelon", "teletubbies",
    "sesame street", "muppets", "my little pony", "hello kitty", "spider man", "spiderman", "batman", "x men",
    "captain america", "guardians of the galaxy", "jurassic park", "jurassic world", "james bond", "toy story",
    "lion king", "disney", "pixar", "dreamworks", "shrek", "minions", "kung fu panda", "indiana jones", "ghostbusters",
    "back to the future", "pirates of the caribbean", "hunger games", "walking dead", "peaky blinders", "doctor who",
    "teenage mutant ninja turtles", "scooby doo", "looney tunes", "bugs bunny", "mickey mouse", "winnie the pooh",
    "pokemon", "pikachu", "digimon", "naruto", "dragon ball", "dragonball", "sailor moon", "attack on titan",
    "my hero academia", "jujutsu kaisen", "chainsaw man", "neon genesis evangelion", "studio ghibli", "totoro",
    "yu gi oh", "minecraft", "fortnite", "roblox", "super mario", "mario kart", "legend of zelda", "animal crossing",
    "sonic the hedgehog", "call of duty", "grand theft auto", "gta v", "gta vi", "gta 5", "gta 6", "assassin s creed",
    "world of warcraft", "league of legends", "counter strike", "genshin impact", "five nights at freddy s", "fnaf",
    "undertale", "cyberpunk 2077", "elden ring", "resident evil", "the last of us", "mortal kombat", "street fighter",
    "angry birds", "candy crush", "playstation", "xbox", "nintendo", "coca cola", "mcdonald s",
)  # fmt: skip

#: The same, each as its words, under the first of them.
FRANCHISES: dict[str, list[tuple[str, ...]]] = {}
for _name in _NAMES:
    FRANCHISES.setdefault(_name.split()[0], []).append(tuple(_name.split()))
