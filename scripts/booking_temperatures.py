#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""At which temperature do bookings of adder-13m hold together? The table of docs/chat.md.

    booking_temperatures.py ADDER_CHAT adder-13m.adder [--seeds 20]

Each booking is six turns of a user, answered by adder-chat in one conversation. Counted, of all bookings:
  asked      an answer asks to confirm a booking at a place with a name
  same       and the name is that of a place that an answer before offered
  details    and what the user had asked for (people, time or day, the last word counts) stands in that answer
  booked     after it an answer says that the booking was made
  holds      all four
"""
import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

# The user's turns, and what the last answer that asks for confirmation has to hold.
BOOKINGS = [
    (["I am looking for a place to eat in San Jose.", "I would like Japanese food, please.",
      "That sounds good. Please book a table there for four people on March 3rd at 6:30 pm.",
      "Yes, that is right.", "What is the address of the restaurant?", "And what is its phone number?"],
     ["4|four", "March 3rd", "6:30"]),
    (["I want to find a restaurant in Oakland.", "Something Italian, at a moderate price.",
      "Please reserve a table there for two at 7 pm tonight.", "Yes, please book it.", "What is the address?",
      "Thank you, that is all."],
     ["2|two", "7 ?pm|7:00"]),
    (["Hi, I would like to book a table for two tonight.", "In San Francisco. Chinese food.",
      "I like that one. Please book it for 8 pm.", "No, make it 9 pm.", "Yes, that is correct.",
      "What is the phone number?"],
     ["2|two", "9 ?pm|9:00"]),
    (["Can you help me to find a restaurant in Berkeley?", "Indian food would be good.",
      "Book a table there for three people at 12:30 pm on the 8th of March, please.", "Yes, go ahead.",
      "Is it expensive?", "Thanks a lot."],
     ["3|three", "12:30", "8th"]),
    (["I am hungry. Find me a place to eat in Palo Alto.", "Mexican, please.",
      "I would like a reservation there at 6 pm on March 10th for five.", "Yes, please.",
      "What is their address?", "Good, thank you."],
     ["5|five", "6 ?pm|6:00", "10th"]),
    (["I need a hotel in London.", "One room, please, from the 5th of March.",
      "That one is fine. Please book it for three nights.", "Yes, that is correct.",
      "What is the phone number of the hotel?", "Thank you."],
     ["5th", "3|three|8th"]),
]
ASKS = re.compile(r"confirm|is (this|that|everything) (right|correct|okay|ok)\b|correct\?|right\?", re.I)
NAME = re.compile(r"\b(?:at|to|for|in|of) (?:the )?((?:[A-Z0-9][\w'&.-]*|& ?|and |of |the |de |la |By )(?: ?(?:[A-Z0-9][\w'&.-]*|&|and|of|the|de|la|by))*)")
BOOKED = re.compile(r"(reserv|book|table|room)[^.?]*\b(success|made|confirmed|booked|reserved|complete)|"
                    r"\b(booked|reserved|made) (you|your|the|a|it)\b|successful", re.I)
NO_PLACES = re.compile(r"(San Jose|San Francisco|Oakland|London|Berkeley|Palo Alto|March.*|Today|Tonight|I|You|[\d:]+( ?[ap]m)?|[\d:]+ the .*)$", re.I)


def places(answer):
    names = [match.strip(" .") for match in NAME.findall(answer)]
    return [re.sub(r" (restaurant|hotel)$", "", name, flags=re.I) for name in names
            if len(name) > 3 and not NO_PLACES.match(name)]


def judge(answers, details):
    """(asked, same, details, booked) of a booking."""
    asks = [i for i, answer in enumerate(answers) if ASKS.search(answer) and places(answer)]
    if not asks:
        return False, False, False, False
    last = asks[-1]
    before = " ".join(answers[:asks[0]]).lower()
    same = all(any(name.lower() in before for name in places(answers[i])) for i in asks)
    right = all(re.search(rf"\b(?:{detail})", answers[last], re.I) for detail in details)
    booked = any(BOOKED.search(answer) and not re.search(r"unable|could not|couldn't|failed|not been|n't", answer)
                 for answer in answers[last + 1:])
    return True, same, right, booked


def talk(chat, blob, temperature, seed, turns):
    command = [chat, blob, "--temp", str(temperature), "--seed", str(seed), "--max-tokens", "100"]
    # A line of input is a message; an answer may have several lines, so that each is asked for in a conversation as a whole.
    done = subprocess.run(command, input="\n".join(turns) + "\n", capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chat")
    parser.add_argument("blob")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--show", action="store_true", help="print every booking")
    arguments = parser.parse_args()
    print("| temperature | asked | same | details | booked | holds |\n|---|---|---|---|---|---|")
    for temperature in (0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0):
        jobs = [(seed, turns, details) for seed in range(1, arguments.seeds + 1) for turns, details in BOOKINGS]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(
                lambda job: talk(arguments.chat, arguments.blob, temperature, job[0], job[1]), jobs))
        counts = [0] * 5
        for (seed, turns, details), lines in zip(jobs, answers):
            found = judge(lines, details)
            for i, value in enumerate((*found, all(found))):
                counts[i] += value
            if arguments.show:
                print(f"-- {temperature} {seed} {found}", *lines, sep="\n", file=sys.stderr)
        print(f"| {temperature} | " + " | ".join(f"{100 * count / len(jobs):.0f} %" for count in counts) + " |", flush=True)


main()
