"""What words say of a feeling: their weight from -4 to 4, and the words that strengthen, weaken or turn others round."""


def _weighted(groups: dict[float, str]) -> dict[str, float]:
    return {word: weight for weight, words in groups.items() for word in words.split()}


WEIGHTS = _weighted({
    4: """awesome brilliant exceptional exquisite flawless magnificent masterpiece outstanding perfect perfection
        phenomenal spectacular superb sublime wonderful""",
    3: """adore adorable amazing beautiful beautifully best delight delighted delightful excellent excited exciting
        fabulous fantastic gorgeous great gem impeccable impressive incredible joy joyful love lovely loves marvellous
        marvelous overjoyed remarkable splendid stunning superior terrific thrilled thrilling treasure""",
    2: """admire appreciate appreciated attractive bargain beloved bliss bright calming charm charming cheerful clever
        comfort comfortable comfy convenient cosy cozy crisp cute dependable durable easy effective effortless efficient
        elegant enjoy enjoyable enjoyed enjoys enthusiastic fast favorite favourite friendly fun generous glad good
        graceful grateful handsome handy happy happily helpful hope impressed improve improved improvement intuitive
        inviting kind luxurious neat nice nicely pleasant pleased pleasing pleasure polished praise pretty proud quality
        quick recommend recommended refreshing reliable satisfied satisfying seamless sleek smart smooth soft solid
        stylish success successful sturdy sweet tasteful tasty thank thanks thoughtful useful valuable warm welcome well
        win winner worth worthwhile yummy""",
    1: """accurate adequate agree better calm clean clear decent fair fine fresh interesting light modern ok okay
        peaceful practical precise proper quiet ready responsive safe secure simple stable steady suitable tidy works""",
    -1: """average bland boring delay delayed dull expensive hard heavy late lacking limited loud mediocre minor noisy
        odd overpriced plain pricey slow slowly stiff strange tight tired uneven unsure unusual weak worn""",
    -2: """annoy annoyed annoying anger angry ashamed bad badly bitter brittle bulky cheap cheaply clumsy complain
        complained complaint confused confusing cracked crooked damage damaged dead defect defective difficult dirty
        disagree disappoint doubt fail failed fails failure faulty fear flimsy fragile frustrate frustrated frustrating
        hurt impossible inaccurate incomplete inconvenient inferior irritating issue lack leak leaked leaks lose loss lost
        mess messy misleading mistake noise pain painful poor poorly problem refund refuse regret return returned rude
        ruin ruined sad scratched shame sharp sloppy smell smells smelly sorry stain stuck trouble ugly unable
        uncomfortable unfair unfortunate unfortunately unhappy unhelpful unpleasant unreliable unsatisfied upset wobbly
        wobbles worried worry wrong""",
    -3: """abysmal angrily awful broke broken crap disappointed disappointing disappointment disaster dreadful fraud
        garbage hate hated hates horrid hopeless infuriating junk lousy nasty nightmare outrage pathetic ridiculous rip-off
        rubbish scam shoddy stupid terrible trash unacceptable unusable useless waste wasted worse worthless""",
    -4: "abominable appalling atrocious catastrophe catastrophic disgusting horrible horrendous horrific repulsive worst",
})

# The word before the feeling: how much stronger or weaker it makes it.
DEGREES = _weighted({
    1.5: "absolutely amazingly completely entirely exceptionally extremely incredibly insanely totally utterly",
    1.3: "awfully especially greatly highly hugely particularly really remarkably seriously so such super truly very",
    1.1: "more most much quite too",
    0.7: "fairly mostly partly pretty rather relatively reasonably somewhat",
    0.5: "almost barely hardly little mildly scarcely slightly",
})

NEGATIONS = frozenset(
    """not no never none nobody nothing neither nor without cannot cant can't don't dont doesn't doesnt didn't didnt isn't
    isnt wasn't wasnt aren't arent weren't werent won't wont wouldn't wouldnt couldn't couldnt shouldn't shouldnt hasn't
    hasnt haven't havent hadn't hadnt ain't aint""".split()
)

CONTRASTS = frozenset("but however although though yet nevertheless nonetheless".split())

EMOTICONS = {
    ":)": 2, ":-)": 2, ":D": 3, ":-D": 3, ";)": 1, "<3": 3, ":(": -2, ":-(": -2, ":'(": -3, ":/": -1, ":-/": -1,
    "😀": 3, "😃": 3, "😊": 3, "😍": 4, "❤": 3, "👍": 2, "🎉": 3, "😢": -3, "😭": -3, "😠": -3, "😡": -4, "👎": -2, "😞": -2,
}
