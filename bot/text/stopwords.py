"""Words that carry no meaning of their own, accents folded.

Lists of our own: those of the usual packages hold "computer", "microsoft", "ai", "nouveau" and the codes of
countries, which are what tech news is about. Where a word is empty in one language and a noun in the other
("or" is gold, "son" sound, "comment" a remark), the empty use is far more frequent and wins.
"""

from __future__ import annotations

FRENCH = frozenset(
    """
    au aux avec car ce ceci cela celle celles celui ces cet cette ceux chaque chez ci comme comment d dans de des
    desquelles desquels donc dont du duquel elle elles en encore entre est et etaient etais etait etant ete etes
    etiez etions etre eurent eut eux fut furent ici il ils j je jusqu jusque l la laquelle le lequel les lesquelles
    lesquels leur leurs lors lorsqu lorsque lui m ma mais me meme memes mes moi moins mon n ne ni nos notre nous
    on ont ou par pas pendant plus pour pourquoi presqu puis puisqu puisque qu quand que quel quelle quelles
    quelqu quels qui quoi quoique quoiqu s sa sans sauf se selon sera serait seraient seront ses si sien sienne
    soi soient soit sommes son sont sous suis sur t ta te tes toi ton toujours tous tout toute toutes tres tu un
    une vers voici voila vos votre vous y avaient avais avait avez avoir avons ayant fait faire font peut peuvent
    peu afin ainsi alors apres aussi autre autres avant beaucoup bien ca cependant contre depuis deja dit elles
    etc faut il
    """.split()
)

ENGLISH = frozenset(
    """
    a about above after again against all also am an and any are aren arent as at be because been before being
    below between both but by can cannot cant could couldnt d did didnt do does doesnt doing dont down during each
    few for from further had hadnt has hasnt have havent having he hed her here heres hers herself him himself his
    how hows i id if ill im in into is isnt it its itself ive let lets ll m me more most mustnt my myself no nor
    not of off on once only or other ought our ours ourselves out over own re s same shant she shell shes should
    shouldnt so some such t than that thats the their theirs them themselves then there theres these they theyd
    theyll theyre theyve this those through to too under until up us ve very was wasnt we wed were werent weve
    what whats when whens where wheres which while who whom whos why whys will with wont would wouldnt you youd
    youll your youre yours yourself yourselves youve said says just eg ie
    """.split()
) - {"id", "ill", "shell", "wed"}
EMPTY = FRENCH | ENGLISH
