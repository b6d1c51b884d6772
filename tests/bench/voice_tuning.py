"""Fits what tells a command from another sentence: `python -m tests.bench.voice_tuning`, some minutes.

Says commands that the grammar makes at random, and the sentences below, in voices that `tests/spoken_set.py` does not
use, over noise of several levels; prints the weights for `engine/providers/offline/confidence.py` and how well they
part the two, each fold of the sentences being judged by weights that were fitted without it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.providers import Vocabulary
from engine.providers.offline import OfflineSynthesizer
from engine.providers.offline.confidence import features
from engine.providers.offline.grammar import Grammar, load_grammar
from engine.providers.offline.recogniser_program import Recogniser, with_noise_floor
from engine.providers.offline.transcriber import _prepare
from engine.providers.offline.word_graph import word_graph
from tests.spoken_set import in_noise

SENTENCES = (
    "I left my keys on the table",
    "the dog barked at the postman all night",
    "she is learning to play the piano",
    "what did you think of the film",
    "he has lived in this town for twenty years",
    "my sister will get married in June",
    "we ran out of gas on the way home",
    "can you pass me the salt",
    "that was not what I meant at all",
    "the museum is closed on Mondays",
    "I am reading a very good book",
    "there is nothing good on television tonight",
    "do you want to go for a walk",
    "he forgot to bring his umbrella",
    "the teacher gave us too much homework",
    "how do I get to the airport from here",
    "I would rather stay at home today",
    "this phone costs more than my car",
    "nobody knows what will happen next year",
    "the food at the hotel was terrible",
    "look at that beautiful sunset",
    "they painted the whole house yellow",
    "my back hurts when I sit too long",
    "where did you buy those shoes",
    "the baby finally fell asleep",
    "I cannot find my glasses anywhere",
    "call me when you get there",
    "the bus leaves in ten minutes",
    "she sent me a message last week",
    "we have a meeting every Monday",
    "don't forget your lunch",
    "what happened at the office today",
    "he paused for a moment and then went on",
    "the mail was late again this week",
    "I have two tasks left and no time",
    "time flies when you are having fun",
    "are you coming to the party tomorrow",
    "it is too cold to swim",
    "the cat sleeps on the sofa all day",
    "my computer is very slow today",
    "how many people live in London",
    "is it going to rain tomorrow",
    "turn up the volume please",
    "set the temperature to twenty degrees",
    "what is the capital of France",
    "who wrote this song",
    "open the window a little",
    "sing me a song",
    "tell me about your holiday",
    "how is your mother",
    "pause the music",
    "stop the car",
    "read me a story",
    "add some more salt to the soup",
    "what is for dinner tonight",
    "I need a new pair of shoes",
    "the queue at the bank was very long",
    "everything is more expensive now",
    "show me the way to the station",
    "create something beautiful",
    "move over a little please",
    "cancel the newspaper",
)

VOICES = (
    ("en-us+m1", 160), ("en-gb+f4", 170), ("en-us+m3", 150), ("en-gb+m2", 175),
    ("en-us+m7", 180), ("en-us+f1", 140), ("en-gb+f5", 160), ("en-us+f5", 165),
)  # fmt: skip
NOISE_DB = (20.0, 25.0, 20.0, 30.0)
_FOLDS = 5
_RIDGE = 0.02


def commands(grammar: Grammar, count: int) -> Iterator[str]:
    """Commands that the grammar allows, as many of each kind."""
    rules, chance = grammar._rules, random.Random(7)
    kinds = [name for name in rules if name.startswith("intent_") and name not in ("intent_say_yes", "intent_say_no")]

    def said(rule: str) -> str:
        while inner := re.search(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]", rule):
            needed, optional = inner.groups()
            options = (needed if needed is not None else optional).split("|")
            chosen = chance.choice(options) if needed is not None or chance.random() < 0.4 else ""
            rule = f"{rule[: inner.start()]} {chosen} {rule[inner.end() :]}"
        rule = chance.choice(rule.split("|"))
        return re.sub(r"<(\w+)>", lambda name: said(rules[name[1]]), rule)

    seen = set()
    while len(seen) < count:
        text = " ".join(said(rules[kinds[len(seen) % len(kinds)]]).split())
        if text not in seen and grammar.understand(text) is not None:
            seen.add(text)
            yield text


async def collect(count: int, turns: int) -> list[dict[str, Any]]:
    """What the recogniser makes of each clip: of commands that were heard as such, and of sentences."""
    grammar, recogniser = load_grammar(), Recogniser()
    recogniser.listen_with(word_graph(grammar.jsgf(Vocabulary())), grammar.pronunciations)
    speakers = [OfflineSynthesizer(*voice) for voice in VOICES]
    texts = [(text, True) for text in commands(grammar, count)] + [(text, False) for text in SENTENCES]
    rows = []
    for turn in range(turns):
        for number, (text, is_command) in enumerate(texts):
            place = number + turn * 3
            sound = await speakers[place % len(VOICES)].synthesize(text)
            speech = _prepare(in_noise(sound, NOISE_DB[place % len(NOISE_DB)]))
            samples = with_noise_floor(np.frombuffer(speech, dtype="<i2"))
            meant = grammar.understand(text)
            command = recogniser.command(samples)
            understood = grammar.understand(command["text"])
            right = understood is not None and (not is_command or (meant is not None and understood.tool == meant.tool))
            if not right:
                voice = VOICES[place % len(VOICES)][0]
                print(f"not counted: {voice}: {text!r} was heard as {command['text']!r}", flush=True)
                continue
            free = recogniser.free(samples)
            rows.append({"text": text, "heard": command["text"], "meant": is_command, "told": features(command, free)})
    for speaker in speakers:
        await speaker.close()
    return rows


def fit(told: npt.NDArray[np.float64], meant: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights of a logistic regression, the bias first: (n, k) features and (n,) of 0 and 1 to (k + 1,)."""
    mean, spread = told.mean(0), told.std(0) + 1e-9
    ones = np.hstack([np.ones((len(told), 1)), (told - mean) / spread])
    balance = np.where(meant > 0, 0.5 / meant.mean(), 0.5 / (1 - meant.mean()))
    weights = np.zeros(ones.shape[1])
    ridge = _RIDGE * len(told) * np.diag([0.0, *[1.0] * told.shape[1]])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-ones @ weights))
        slope = ones.T @ (balance * (meant - likely)) - ridge @ weights
        bend = (ones * (balance * likely * (1 - likely))[:, None]).T @ ones + ridge
        weights += np.linalg.solve(bend, slope)
    scaled = weights[1:] / spread
    return np.array([weights[0] - scaled @ mean, *scaled])


def judged(told: npt.NDArray[np.float64], meant: npt.NDArray[np.float64], texts: list[str]) -> npt.NDArray[np.float64]:
    """The likelihood of each clip by weights that were fitted without its fold."""
    folds = np.array([sum(map(ord, text)) % _FOLDS for text in texts])
    found = np.zeros(len(meant))
    for fold in range(_FOLDS):
        weights = fit(told[folds != fold], meant[folds != fold])
        found[folds == fold] = 1 / (1 + np.exp(-(weights[0] + told[folds == fold] @ weights[1:])))
    return found


def main() -> None:
    """Collect, fit and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.voice_tuning", description=__doc__)
    parser.add_argument("--commands", type=int, default=120)
    parser.add_argument("--turns", type=int, default=2, help="how often each is said, in another voice")
    parser.add_argument("--rows", type=Path, help="where the clips' features are kept, and read from where they are")
    chosen = parser.parse_args()
    if chosen.rows and chosen.rows.exists():
        rows = json.loads(chosen.rows.read_text())
    else:
        rows = asyncio.run(collect(chosen.commands, chosen.turns))
        if chosen.rows:
            chosen.rows.write_text(json.dumps(rows))
    meant = np.array([float(row["meant"]) for row in rows])
    texts = [row["text"] for row in rows]
    for name, columns in (("_ALONE", 2), ("_WITH_FREE", 4)):
        told = np.array([row["told"][:columns] for row in rows])
        print(f"{name} = ({', '.join(f'{weight:.3f}' for weight in fit(told, meant))})")
        likely = judged(told, meant, texts)
        for limit in (0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 0.97):
            kept, taken = (likely[meant > 0] >= limit).mean(), (likely[meant == 0] >= limit).mean()
            print(f"  limit {limit}: {100 * kept:.1f} % of commands kept, {100 * taken:.1f} % of sentences taken")
    for row, likely_one in zip(rows, likely, strict=True):
        if (likely_one >= 0.5) != row["meant"]:
            print(f"  {likely_one:.2f} {row['text']!r} heard as {row['heard']!r}")


if __name__ == "__main__":
    main()
