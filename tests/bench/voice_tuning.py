"""Fits what tells a command from another sentence: `python -m tests.bench.voice_tuning`, some minutes.

Says the commands below, others that the grammar makes at random, and the sentences below, in voices that
`tests/spoken_set.py` does not use, over noise of several levels; prints the weights for
`engine/providers/offline/confidence.py` and how well they part the two, each fold being judged by weights that were
fitted without it.
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
from engine.providers.offline.moonshine_program import Moonshine, model_folder
from engine.providers.offline.recogniser_program import Recogniser, with_noise_floor
from engine.providers.offline.transcriber import _is_clear, _prepare
from engine.providers.offline.word_graph import word_graph
from tests.spoken_set import Said, in_noise

COMMANDS = (
    Said("send an email to Sarah", "send_email"),
    Said("email Tom about the budget", "send_email"),
    Said("write a mail to David saying I will be late", "send_email"),
    Said("could you send Peter an email please", "send_email"),
    Said("read my emails", "read_mail"),
    Said("do I have any new mail", "count_mail"),
    Said("read out my last email", "read_mail"),
    Said("summarise my new emails", "read_mail"),
    Said("give me a summary of my unread mail", "read_mail"),
    Said("what's new in my inbox", "read_mail"),
    Said("what do I have coming up next", "next_meeting"),
    Said("what's on Friday", "list_events"),
    Said("what do I have on Tuesday", "list_events"),
    Said("am I free on Thursday", "list_events"),
    Said("show me my schedule for tomorrow", "list_events"),
    Said("what's on my calendar today", "list_events"),
    Said("create a meeting on Monday at ten", "create_event"),
    Said("schedule a meeting with Laura tomorrow at three pm", "create_event"),
    Said("book an appointment for Wednesday at half past nine", "create_event"),
    Said("put lunch with James in my calendar for Friday at noon", "create_event"),
    Said("set up a meeting with Martin on Thursday at two thirty", "create_event"),
    Said("move my meeting to Thursday", "move_event"),
    Said("reschedule my two o'clock meeting to four", "move_event"),
    Said("push my next meeting back by an hour", "move_event"),
    Said("can you move tomorrow's meeting to Friday", "move_event"),
    Said("delete the meeting on Wednesday", "cancel_event"),
    Said("please cancel my appointment tomorrow", "cancel_event"),
    Said("add a task to buy milk", "create_task"),
    Said("put call the dentist on my to do list", "create_task"),
    Said("create a new task finish the report", "create_task"),
    Said("show my to do list", "list_tasks"),
    Said("what do I still have to do today", "list_tasks"),
    Said("list my open tasks", "list_tasks"),
    Said("finish the first task", "finish_task"),
    Said("complete the task call the dentist", "finish_task"),
    Said("I have finished the report", "finish_task"),
    Said("send me a notification", "notify_me"),
    Said("notify me when the meeting starts", "remind_me"),
    Said("remind me in ten minutes", "remind_me"),
    Said("set a reminder for twenty minutes from now", "remind_me"),
    Said("remind me to call mum in half an hour", "remind_me"),
    Said("remind me in an hour to check the oven", "remind_me"),
    Said("remind me at five o'clock", "remind_me"),
    Said("how is the email queue doing", "queue_state", {"queue": "email-processing"}),
    Said("what's the status of the transcription queue", "queue_state", {"queue": "transcription"}),
    Said("how many jobs are waiting in the calendar queue", "queue_state", {"queue": "calendar-sync"}),
    Said("is the notification queue paused", "queue_state", {"queue": "notification"}),
    Said("pause the email queue", "pause_queue", {"queue": "email-processing"}),
    Said("please stop the synthesis queue", "pause_queue", {"queue": "synthesis"}),
    Said("put the task queue on hold", "pause_queue", {"queue": "task-processing"}),
    Said("resume the voice queue", "resume_queue", {"queue": "voice-processing"}),
    Said("start the calendar queue again", "resume_queue", {"queue": "calendar-sync"}),
    Said("unpause the notification queue", "resume_queue", {"queue": "notification"}),
    Said("hey could you continue the email queue", "resume_queue", {"queue": "email-processing"}),
    Said("retry the failed jobs", "retry_failed"),
    Said("try the failed jobs again", "retry_failed"),
    Said("retry everything that failed in the email queue", "retry_failed", {"queue": "email-processing"}),
    Said("uh rerun the failed transcription jobs", "retry_failed", {"queue": "transcription"}),
    Said("what failed", "what_failed"),
    Said("why did the last job fail", "what_failed"),
    Said("what went wrong in the email queue", "what_failed", {"queue": "email-processing"}),
    Said("which jobs failed today", "what_failed"),
    Said("tell me the time", "tell_time"),
    Said("what's the time please", "tell_time"),
)

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
    "the birch canoe slid on the smooth planks",
    "glue the sheet to the dark blue background",
    "it is easy to tell the depth of a well",
    "these days a chicken leg is a rare dish",
    "rice is often served in round bowls",
    "the juice of lemons makes fine punch",
    "the box was thrown beside the parked truck",
    "the hogs were fed chopped corn and garbage",
    "four hours of steady work faced us",
    "a large size in stockings is hard to sell",
    "the boy was there when the sun rose",
    "a rod is used to catch pink salmon",
    "the source of the huge river is the clear spring",
    "kick the ball straight and follow through",
    "help the woman get back to her feet",
    "a pot of tea helps to pass the evening",
    "smoky fires lack flame and heat",
    "the soft cushion broke the man's fall",
    "the salt breeze came across from the sea",
    "the girl at the booth sold fifty bonds",
    "the small pup gnawed a hole in the sock",
    "the fish twisted and turned on the bent hook",
    "press the pants and sew a button on the vest",
    "the swan dive was far short of perfect",
    "the beauty of the view stunned the young boy",
    "two blue fish swam in the tank",
    "her purse was full of useless trash",
    "the colt reared and threw the tall rider",
    "it snowed rained and hailed the same morning",
    "read verse out loud for pleasure",
    "hoist the load to your left shoulder",
    "take the winding path to reach the lake",
    "note closely the size of the gas tank",
    "wipe the grease off his dirty face",
    "mend the coat before you go out",
    "the wrist was badly strained and hung limp",
    "the stray cat gave birth to kittens",
    "the young girl gave no clear response",
    "the meal was cooked before the bell rang",
    "what joy there is in living",
    "a king ruled the state in the early days",
    "the ship was torn apart on the sharp reef",
    "sickness kept him home the third week",
    "the wide road shimmered in the hot sun",
    "the lazy cow lay in the cool grass",
    "lift the square stone over the fence",
    "the rope will bind the seven books at once",
    "hop over the fence and plunge in",
    "the friendly gang left the drug store",
    "mesh wire keeps chicks inside",
    "the frosty air passed through the coat",
    "the crooked maze failed to fool the mouse",
    "adding fast leads to wrong sums",
    "the show was a flop from the very start",
    "a saw is a tool used for making boards",
    "the wagon moved on well oiled wheels",
    "march the soldiers past the next hill",
    "a cup of sugar makes sweet fudge",
    "place a rosebush near the porch steps",
    "both lost their lives in the raging storm",
    "I think he said that on the radio",
    "are you sure that you locked the door",
    "my neighbour has a very loud motorbike",
    "can you tell me where the toilet is",
    "would you like some more cake",
    "could you open the window for a moment",
    "will you be there when I arrive",
    "please sit down and make yourself at home",
    "please do not feed the animals",
    "hey that was my chair",
    "hello is anybody at home",
    "thank you that is very kind of you",
    "what do you want for your birthday",
    "what did the doctor say about your knee",
    "what is the name of your dog",
    "what are those people doing over there",
    "how is your mother these days",
    "how are you feeling this morning",
    "how much did that coat cost",
    "how many people came to the wedding",
    "why did you not tell me earlier",
    "why is the sky so dark",
    "who left the light on in the hall",
    "which one of you ate my sandwich",
    "when does the shop open on Saturdays",
    "when did you last see him",
    "where is the nearest petrol station",
    "is there any milk left in the fridge",
    "is it far from here to the beach",
    "are there any good restaurants around here",
    "do you have a minute",
    "do I look tired to you",
    "did you hear the news about Peter",
    "have you ever been to Japan",
    "has anyone seen my phone",
    "show him how it works",
    "tell your sister that I miss her",
    "give it to the man at the desk",
    "put your coat on before we leave",
    "take a seat over there",
    "read this letter before you sign it",
    "write your name at the top of the page",
    "send him my love when you see him",
    "make sure that the windows are closed",
    "move the chair a little to the left",
    "cancel culture is a strange thing",
    "stop talking with your mouth full",
    "start the car and let us go",
    "let me know if you need anything",
    "check the tyres before a long drive",
    "mark my words it will rain tomorrow",
    "finish your dinner before you get up",
    "add a little salt and some pepper",
    "remember the summer when we first met",
    "remind him that he owes me money",
    "create your own luck they say",
    "schedules at our school change every term",
    "on Friday we usually go out for dinner",
    "tomorrow will be warmer than today",
    "today was one of those days",
    "next week the schools are closed",
    "at ten o'clock the fireworks will begin",
    "in an hour it will be dark",
    "every meeting starts with coffee and biscuits",
    "the new boss holds a meeting every single morning",
    "I met Anna at the meeting in March",
    "my appointment book is full of little notes",
    "the postman brought three letters and a parcel",
    "this email looks like a scam to me",
    "there are too many emails and too few hours",
    "his inbox is always full",
    "the queue for the bus went round the corner",
    "they had to queue in the rain",
    "please queue here for tickets",
    "a pause in the music made everybody turn around",
    "he pressed the pause button by mistake",
    "life resumed as if nothing had happened",
    "she sent her resume to twelve companies",
    "the plan failed and nobody knows why",
    "the exam was hard and half of the class failed",
    "his job is to test new software",
    "she lost her job in the spring",
    "good jobs are hard to find here",
    "the task ahead of us is not easy",
    "our list of wishes is very long",
    "the notification board in the hall is empty",
    "a voice in the dark called my name",
    "the speech at the wedding was too long",
    "a calendar with cats hangs in her office",
    "time and tide wait for no man",
    "it was about time that you came",
    "this time we will do it right",
    "the clock in the tower is always late",
    "I have done everything that I could",
    "everything will be fine in the end",
    "nothing works in this house",
    "there is a problem with the heating",
    "is anything wrong with your food",
    "the first thing I noticed was the smell",
    "we bought milk and bread at the market",
    "I should call my aunt some day",
    "she calls her father every Sunday",
    "water the flowers is what she told him",
    "he pays the rent for both of them",
    "my brother walks the dog in the evening",
    "the dentist said that my teeth are fine",
    "they cleaned the kitchen until midnight",
    "I would love to play the guitar",
    "well I never thought of it like that",
    "so what are we going to do now",
    "now that is what I call a party",
    "okay but only for this one time",
    "uh I am not sure about that",
    "the bread here is better than at home",
    "old trains are fun to ride on",
    "we saw a film about the moon landing",
    "my son wants to become a pilot",
    "her garden is full of roses in June",
    "the lake froze over in the winter of that year",
    "nobody likes to get up early on a Sunday",
    "a good night's sleep works wonders",
    "the price of bread has doubled since last year",
    "some people never learn from their mistakes",
    "we could hear the sea from our room",
    "he plays chess with his grandfather",
    "I left my umbrella on the train",
    "the lift is out of order again",
    "you can always come back later",
    "she speaks four languages and learns a fifth",
    "it takes two hours to get there by car",
    "let us meet at the station at noon",
    "my cousin moved to Canada last year",
    "the mayor will open the new library",
    "all of the shops are closed on Sundays",
    "half of the apples were rotten",
    "turn the page and read the next chapter",
    "the queue at the supermarket was very long",
    "she paused for a moment and looked out of the window",
    "my mail was delivered to the wrong house again",
    "the meeting yesterday went on far too long",
    "we stood in a queue for tickets for over an hour",
    "I never read the emails from my old school",
    "he failed his driving test for the second time",
    "the postman comes on Friday around noon",
    "my sister has an appointment at the hairdresser",
    "they cancelled the train because of the snow",
    "there was a note on the fridge about dinner",
    "the calendar on the wall shows pictures of dogs",
    "I think that the task is harder than it looks",
    "let us pause here and have a cup of tea",
    "nobody told me that the shop was closed",
    "it rained the whole weekend in the mountains",
    "could you pass me the salt please",
    "my grandfather worked on the railway for forty years",
    "please take your shoes off before you come in",
    "I am going to the cinema with my brother tonight",
    "the coffee machine in the office is broken again",
    "we moved to a bigger flat in the spring",
    "the dog next door barks every morning at six",
    "you should really read this book about the sea",
    "what a beautiful morning it is today",
    "the report says that prices are going up",
    "yes I know but it was not my idea",
    "he sent her a letter every week during the war",
    "ten minutes later the bus finally came",
    "remember that the doctor said to rest",
    "our team failed to score in the second half",
    "who was that man on the phone just now",
    "I would like two tickets to London please",
    "the list of guests is getting longer and longer",
    "turn left at the church and then go straight on",
    "when I was young we had no television",
    "she is always on the telephone with her mother",
    "put the milk back in the fridge when you are done",
    "who wrote Hamlet",
    "how far away is the moon",
    "how do I boil an egg",
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
    """What is made of each clip: the commands found in it, the features of each and whether it is right."""
    grammar, recogniser, moonshine = load_grammar(), Recogniser(), Moonshine(model_folder())
    recogniser.listen_with(word_graph(grammar.jsgf(Vocabulary())), grammar.pronunciations)
    speakers = [OfflineSynthesizer(*voice) for voice in VOICES]
    made = (Said(text, known.tool) for text in commands(grammar, count) if (known := grammar.understand(text)))
    said = [*COMMANDS, *made, *SENTENCES]
    rows = []
    for turn in range(turns):
        for number, one in enumerate(said):
            text = one if isinstance(one, str) else one.text
            place = number + turn * 3
            sound = await speakers[place % len(VOICES)].synthesize(text)
            noisy = in_noise(sound, NOISE_DB[place % len(NOISE_DB)])
            speech, found = _prepare(noisy), []
            for look in (speech, _prepare(noisy, with_noise=True)):
                command = recogniser.command(with_noise_floor(np.frombuffer(look, dtype="<i2")))
                if (understood := grammar.understand(command["text"])) is not None:
                    guessed = [str(understood.arguments[name]) for name in understood.free]
                    told = features(command, guessed, moonshine.answer(speech, command["text"]))
                    right = isinstance(one, Said) and one.is_meant_by(understood)
                    found.append({"heard": command["text"], "right": right, "features": told})
                if _is_clear(moonshine.answer(speech)):
                    break  # the second look is for noise
            rows.append({"text": text, "meant": isinstance(one, Said), "found": found})
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


def judged(
    told: npt.NDArray[np.float64],
    meant: npt.NDArray[np.float64],
    texts: list[str],
    asked: list[tuple[dict[str, Any], dict[str, Any]]],
) -> list[float]:
    """The likelihood of each that is `asked`, a row and one found in it, by weights fitted without its text's fold."""

    def fold(text: str) -> int:
        return sum(map(ord, text)) % _FOLDS

    folds = np.array([fold(text) for text in texts])
    weights = [fit(told[folds != number], meant[folds != number]) for number in range(_FOLDS)]
    sums = [weights[fold(row["text"])] @ [1.0, *one["features"]] for row, one in asked]
    return [float(1 / (1 + np.exp(-total))) for total in sums]


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
    # A command that was taken for another one is neither: it fits in part.
    used = [(row, one) for row in rows for one in row["found"] if one["right"] or not row["meant"]]
    told, meant = np.array([one["features"] for _, one in used]), np.array([float(row["meant"]) for row, _ in used])
    print(f"_WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in fit(told, meant))})")
    everything = [(row, one) for row in rows for one in row["found"]]
    likely = judged(told, meant, [row["text"] for row, _ in used], everything)
    for (_, one), likely_one in zip(everything, likely, strict=True):
        one["likely"] = likely_one
    for limit in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        of_commands = [outcome(row, limit) for row in rows if row["meant"]]
        taken = [outcome(row, limit) != "none" for row in rows if not row["meant"]]
        right, other = (100 * of_commands.count(one) / len(of_commands) for one in ("right", "other"))
        print(f"limit {limit}: {right:.1f} % right, {other:.1f} % others; {100 * sum(taken) / len(taken):.1f} % taken")
    for row in rows:
        if outcome(row) != ("right" if row["meant"] else "none"):
            print(f"  {row['text']!r}: {[(round(one['likely'], 2), one['heard']) for one in row['found']]}")


def outcome(row: dict[str, Any], limit: float = 0.5) -> str:
    """What becomes of a clip: the first command found that is so likely is "right" or an "other" one; else "none"."""
    taken = next((one for one in row["found"] if one["likely"] >= limit), None)
    return "none" if taken is None else "right" if taken["right"] else "other"


if __name__ == "__main__":
    main()
