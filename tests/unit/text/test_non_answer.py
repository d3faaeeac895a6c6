"""An answer that the documents do not say is told from an answer, by its words."""

from __future__ import annotations

import pytest

from minions.text.non_answer import says_nothing

NOTHING = """
Not found.
The price is not mentioned.
The text does not appear to mention the year.
These passages never specify a governing law.
The findings contain no details on this.
The answer is not in these documents.
Based on the findings, the salary of the chair is not stated.
The findings do not give any information on the rate, so the question cannot be answered.
Not mentioned.
not stated
Not specified in the documents.
Not explicitly stated in the provided text
Unknown
N/A
Unanswerable.
It is not stated.
The answer is unknown.
The documents do not state it.
The documents don't say.
The documents don\u2019t mention an oil price.
The document does not specify who built the lighthouse in 1871.
The provided findings do not mention the price of gold.
The findings do not suffice.
The annual report does not disclose the salary of the chair.
The agreement does not contain any information about dividends.
The text does not provide enough details to answer the question.
The notice period is not specified in the agreement.
The height of the tower was not given in any of the documents.
None of the documents mention a merger.
None of the passages states the year.
No information is available about it.
No mention of a merger was found.
There is no information on the number of employees.
There is not enough information to answer.
Insufficient information.
Not enough information in the documents to tell.
This cannot be determined.
It cannot be determined from the findings.
The number of keepers can't be determined from the documents.
Cannot be answered from the given passages.
The question cannot be answered based on the documents, which are about ships; from these documents nothing follows.
It is not possible to determine the year.
I don't know.
I cannot find the answer.
Unable to determine.
Unfortunately, the documents do not say who it was.
Based on the findings, the documents do not state the length.
The documents do not mention an oil price. They only discuss harbour fees.
The provided 10-Q document does not contain specific information comparing these. It gives no breakdown.
The report does not cover this topic.
The documents do not cover what the question asks.
No information about the oil price.
No information on the price of oil in 2022 was found in the reports.
No answer was given in the documents.
There is no information available about it.
There is no data on this in the documents.
Insufficient information to answer.
Not provided in the documents.
I can't find any mention of it.
I cannot find the notice period in the documents.
The information about legal contingencies in Intel's Q3 2022 10-Q does not specify the reserves allocated for these.
""".strip().splitlines()

SOMETHING = """
No - the agreement does not mention it.
The agreement does not mention assignment, so either party may assign it.
The supplier was not found liable.
No data is shared with third parties.
No.
No
None
Nothing
0
Not in 2023
No, the agreement does not specify it.
41 metres
unknown aetiology
Unknown to the crew, the engine had failed.
The author is unknown to most readers.
Not available in stores before May.
The cause could not be determined by the inspectors.
The keeper could not be found.
There is no evidence that smoking helps.
There is no lighthouse at Outer Rigg.
There are no approved vaccines or medications available.
Currently, there are no approved vaccines
They did not use any platform, instead they hired undergraduate students to do the annotation.
The license does not include any right to disclose the materials to any third party.
The agreement does not provide for termination without cause.
The documents do not state the exact figure, but revenue was about 12 million.
The exact day is not stated in the report. It was signed in 1871.
Although the report does not say so, the quay was closed.
Smoking is not mentioned as a risk by Dr Hall
He said that it was not known.
Not known to science before 1900
Water damage is not covered by the agreement.
The gene was not found in the data.
The company does not disclose segment profit.
The report shows that the company does not disclose segment profit.
Vericel shall be deemed to accept if it does not provide notice.
Information is not shared with third parties.
No information may be disclosed to others.
The report does not cover Ireland.
The report does not cover Ireland or the Isle of Man.
No information about customers is shared.
No information about customers is given to others.
No information was provided to the auditors.
No answer was given by the minister.
There is no information asymmetry in the model.
There is no data sharing with third parties.
Insufficient data protection measures were in place.
Insufficient information security controls
The data do not indicate increased mortality.
The evidence does not indicate harm.
The minister said the report does not mention him.
Not included in the contract price
Support is not provided by the agreement.
Unable to find a buyer, he kept the boat.
""".strip().splitlines()


@pytest.mark.parametrize("answer", [*NOTHING, "Not\nmentioned in\n the  document!"])
def test_an_answer_that_nothing_is_said_is_none(answer: str) -> None:
    """However it is put: bare, as a sentence about the documents, or with what they do discuss."""
    assert says_nothing(answer)


@pytest.mark.parametrize("answer", [*SOMETHING, "", " "])
def test_an_answer_remains_one(answer: str) -> None:
    """A no, a none, a denial of a fact, and what goes on with a fact are answers."""
    assert not says_nothing(answer)
