"""Stop words of French and English, without accents.

The lists are Telex's own, because those of the usual packages have "computer", "microsoft", "ai", "nouveau"
and country codes, which tech news is about. A word may be a stop word in one language and a noun in the other
("or" is gold, "son" sound, "comment" a remark). Such a word counts as a stop word if that is its more
frequent use; the analysis of texts for the search keeps the noun where an elision or capitals show it.
"""

from bot.text.words import split_at_white_space

FRENCH_STOPWORDS = split_at_white_space(
    """
    'ai afin ainsi alors apres au audela audessous audessus aussi autre autres aux avaient avais avait
    avant avec avez avoir avons ayant beaucoup bien c' ca car ce ceci cela celle celles celui cependant
    ces cet cette ceux chaque chez ci comme comment contre d dans de deja depuis des desquelles desquels
    dit donc dont du duquel elle elles en encore entre est et etaient etais etait etant etc ete etes
    etiez etions etre eu eue eues eurent eus eut eux faire fait faut font furent fut ici il ils j je
    jusqu jusque l la laquelle le lequel les lesquelles lesquels leur leurs lors lorsqu lorsque lui m ma
    mais me meme memes mes moi moins mon n ne ni nos notre nous on ont ou par pas pendant peu peut
    peutetre peuvent plus pour pourquoi presqu puis puisqu puisque qu quand que quel quelle quelles
    quelqu quels qui quoi quoiqu quoique s sa sans sauf se selon sera seraient serait seront ses si sien
    sienne soi soient soit sommes son sont sous suis sur t ta te tes toi ton toujours tous tout toute
    toutes tres tu un une vers voici voila vos votre vous y
    """
)
"""French stop words."""
ENGLISH_STOPWORDS = split_at_white_space(
    """
    a about above after again against all also am an and any are aren arent as at be because been before
    being below between both but by can cannot cant could couldnt d did didnt do does doesnt doing dont
    down during each eg few for from further had hadnt has hasnt have havent having he hed her here
    heres hers herself him himself his how hows i ie if im in into is isnt it its itself ive just let
    lets ll m me more most mustnt my myself no nor not of off on once only or other ought our ours
    ourselves out over own re s said same says shant she shes should shouldnt so some such t than that
    thats the their theirs them themselves then there theres these they theyd theyll theyre theyve this
    those through to too under until up us ve very was wasnt we were werent weve what whats when whens
    where wheres which while who whom whos why whys will with wont would wouldnt you youd youll your
    youre yours yourself yourselves youve
    """
)
"""English stop words."""
STOPWORDS = FRENCH_STOPWORDS | ENGLISH_STOPWORDS
"""Stop words of French and English."""
