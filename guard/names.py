"""Names of people of public life, alive when this was written or lately dead: a prompt that has one is of a real person."""

from __future__ import annotations

import re
from functools import cache

from .spelling import unaccented

NAMES = """Barack Obama|Michelle Obama|Donald Trump|Melania Trump|Ivanka Trump|Joe Biden|Jill Biden|Hunter Biden|Kamala Harris
Hillary Clinton|Bill Clinton|George W. Bush|George Bush|Al Gore|Bernie Sanders|Nancy Pelosi|Mitch McConnell|Mike Pence
JD Vance|Marco Rubio|Ted Cruz|Ron DeSantis|Gavin Newsom|Elizabeth Warren|Alexandria Ocasio-Cortez|Chuck Schumer|Mitt Romney
John Kerry|Pete Buttigieg|Pete Hegseth|Robert F. Kennedy Jr.|Tulsi Gabbard|Sarah Palin|Rudy Giuliani|Nikki Haley
Anthony Fauci|Zohran Mamdani|Edward Snowden|Julian Assange|Angela Merkel|Olaf Scholz|Friedrich Merz|Markus Söder
Robert Habeck|Annalena Baerbock|Christian Lindner|Alice Weidel|Sahra Wagenknecht|Gregor Gysi|Frank-Walter Steinmeier
Karl Lauterbach|Boris Pistorius|Lars Klingbeil|Heidi Reichinnek|Jens Spahn|Ursula von der Leyen|Gerhard Schröder|Björn Höcke
Hubert Aiwanger|Bärbel Bas|Sebastian Kurz|Herbert Kickl|Karl Nehammer|Christian Stocker|Alain Berset|Wolfgang Schäuble
Emmanuel Macron|Brigitte Macron|Marine Le Pen|Jordan Bardella|Nicolas Sarkozy|Carla Bruni|François Hollande
Jean-Luc Mélenchon|Gabriel Attal|Éric Zemmour|Édouard Philippe|François Bayrou|Michel Barnier|Rachida Dati|Anne Hidalgo
Ségolène Royal|Dominique de Villepin|Sébastien Lecornu|Bruno Retailleau|Gérald Darmanin|Christine Lagarde|Élisabeth Borne
Boris Johnson|Rishi Sunak|Keir Starmer|Theresa May|Liz Truss|David Cameron|Tony Blair|Jeremy Corbyn|Nigel Farage|Sadiq Khan
Angela Rayner|Nicola Sturgeon|Kemi Badenoch|Vladimir Putin|Wladimir Putin|Vladimir Poutine|Dmitry Medvedev|Sergey Lavrov
Alexei Navalny|Alexander Lukashenko|Volodymyr Zelensky|Volodymyr Zelenskyy|Wolodymyr Selenskyj|Volodymyr Zelenski|Xi Jinping
Kim Jong Un|Kim Jong-un|Narendra Modi|Imran Khan|Recep Tayyip Erdogan|Tayyip Erdogan|Benjamin Netanyahu|Bibi Netanyahu
Ali Khamenei|Bashar al-Assad|Mohammed bin Salman|Giorgia Meloni|Silvio Berlusconi|Matteo Salvini|Mario Draghi|Pedro Sanchez
Viktor Orban|Donald Tusk|Jaroslaw Kaczynski|Mark Rutte|Geert Wilders|Justin Trudeau|Mark Carney|Pierre Poilievre
Jair Bolsonaro|Luiz Inacio Lula da Silva|Javier Milei|Nicolas Maduro|Claudia Sheinbaum|Jacinda Ardern|Anthony Albanese
Shinzo Abe|Fumio Kishida|Dalai Lama|Pope Francis|Papst Franziskus|pape François|King Charles|König Charles|roi Charles
Prince William|Prince Harry|Prince Andrew|Kate Middleton|Meghan Markle|Queen Camilla|King Felipe|Queen Letizia|Princess Kate
Prinz William|Prinz Harry|António Guterres|Antonio Guterres|Jens Stoltenberg|Greta Thunberg|Luisa Neubauer|Malala Yousafzai
Elon Musk|Bill Gates|Melinda Gates|Jeff Bezos|Lauren Sanchez|Mark Zuckerberg|Tim Cook|Sam Altman|Sundar Pichai|Satya Nadella
Jensen Huang|Larry Page|Sergey Brin|Larry Ellison|Warren Buffett|Richard Branson|Bernard Arnault|Peter Thiel|Jack Dorsey
Steve Wozniak|Oprah Winfrey|Ellen DeGeneres|Jimmy Fallon|Jimmy Kimmel|Stephen Colbert|Conan O'Brien|Trevor Noah|John Oliver
James Corden|Joe Rogan|Tucker Carlson|Piers Morgan|Jeremy Clarkson|David Attenborough|Gordon Ramsay|Jamie Oliver
Martha Stewart|Kim Kardashian|Khloe Kardashian|Kourtney Kardashian|Kylie Jenner|Kendall Jenner|Caitlyn Jenner|Kris Jenner
Paris Hilton|Andrew Tate|Logan Paul|Jake Paul|MrBeast|PewDiePie|Charli D'Amelio|Addison Rae|Rezo|Gronkh|Squeezie
Léna Situations|Taylor Swift|Beyonce|Beyoncé Knowles|Rihanna|Justin Bieber|Hailey Bieber|Lady Gaga|Billie Eilish|Ed Sheeran
Kanye West|Bruno Mars|Katy Perry|Ariana Grande|Selena Gomez|Miley Cyrus|Britney Spears|Christina Aguilera|Jennifer Lopez
Shakira|Mariah Carey|Celine Dion|Céline Dion|Dua Lipa|Harry Styles|Zayn Malik|Niall Horan|Louis Tomlinson|Olivia Rodrigo
Sabrina Carpenter|Chappell Roan|Lana Del Rey|Lizzo|Cardi B|Nicki Minaj|Megan Thee Stallion|Doja Cat|Kendrick Lamar|Snoop Dogg
Jay-Z|Eminem|Dr. Dre|Post Malone|Travis Scott|Lil Nas X|Justin Timberlake|John Legend|Alicia Keys|Pharrell Williams
Sean Combs|Maluma|Enrique Iglesias|Ricky Martin|Marc Anthony|Rosalía|Elton John|Paul McCartney|Ringo Starr|Mick Jagger
Keith Richards|Bob Dylan|Bruce Springsteen|Ozzy Osbourne|Phil Collins|Rod Stewart|Robbie Williams|Eric Clapton|Tina Turner
Stevie Wonder|Dolly Parton|Avril Lavigne|Dave Grohl|Lewis Capaldi|Jon Bon Jovi|Axl Rose|Till Lindemann|Herbert Grönemeyer
Udo Lindenberg|Helene Fischer|Xavier Naidoo|Peter Maffay|Nena Kerner|Andrea Berg|Mark Forster|Lena Meyer-Landrut
Max Giesinger|Apache 207|Shirin David|Capital Bra|Dieter Bohlen|Roland Kaiser|Mylène Farmer|Vanessa Paradis|Patrick Bruel
Aya Nakamura|Stromae|Angèle Van Laeken|David Guetta|Maître Gims|Booba|Orelsan|Johnny Hallyday|Françoise Hardy|Francis Cabrel
Jean-Jacques Goldman|Zaz|Charles Aznavour|Nolwenn Leroy|Matt Pokora|Clara Luciani|Tom Cruise|Brad Pitt|Angelina Jolie
Scarlett Johansson|Leonardo DiCaprio|Emma Watson|Tom Hanks|Jennifer Lawrence|Will Smith|Jada Pinkett Smith|Keanu Reeves
Meryl Streep|Julia Roberts|George Clooney|Amal Clooney|Natalie Portman|Ryan Gosling|Margot Robbie|Robert De Niro|Al Pacino
Johnny Depp|Amber Heard|Nicole Kidman|Denzel Washington|Morgan Freeman|Samuel L. Jackson|Harrison Ford|Mark Hamill
Arnold Schwarzenegger|Sylvester Stallone|Bruce Willis|Clint Eastwood|Jack Nicholson|Dustin Hoffman|Anthony Hopkins
Robert Downey Jr.|Robert Downey Junior|Chris Evans|Chris Hemsworth|Chris Pratt|Mark Ruffalo|Jeremy Renner|Tom Holland|Zendaya
Timothée Chalamet|Timothee Chalamet|Florence Pugh|Emma Stone|Anne Hathaway|Cate Blanchett|Kate Winslet|Judi Dench
Helen Mirren|Maggie Smith|Ian McKellen|Patrick Stewart|Daniel Craig|Pierce Brosnan|Sean Connery|Daniel Radcliffe|Rupert Grint
Robert Pattinson|Kristen Stewart|Benedict Cumberbatch|Hugh Grant|Hugh Jackman|Hugh Laurie|Colin Firth|Jude Law|Idris Elba
Eddie Redmayne|Ralph Fiennes|Rowan Atkinson|John Cleese|Jim Carrey|Adam Sandler|Ben Stiller|Owen Wilson|Steve Carell
Will Ferrell|Kevin Hart|Dwayne Johnson|Vin Diesel|Jason Statham|Jason Momoa|Ben Affleck|Matt Damon|Christian Bale
Joaquin Phoenix|Heath Ledger|Jared Leto|Cillian Murphy|Matthew McConaughey|Woody Harrelson|Nicolas Cage|John Travolta
Kevin Costner|Kevin Spacey|Kevin Bacon|Mel Gibson|Russell Crowe|Liam Neeson|Jeff Goldblum|Jeff Bridges|Bill Murray
Steve Martin|Eddie Murphy|Jamie Foxx|Chris Rock|Whoopi Goldberg|Halle Berry|Viola Davis|Lupita Nyong'o|Michael B. Jordan
Pedro Pascal|Oscar Isaac|Adam Driver|Antonio Banderas|Javier Bardem|Penelope Cruz|Penélope Cruz|Salma Hayek|Sofia Vergara
Ana de Armas|Gal Gadot|Mila Kunis|Ashton Kutcher|Jennifer Aniston|Courteney Cox|Lisa Kudrow|Matthew Perry|David Schwimmer
Matt LeBlanc|Sandra Bullock|Cameron Diaz|Drew Barrymore|Reese Witherspoon|Sarah Jessica Parker|Charlize Theron|Uma Thurman
Demi Moore|Sharon Stone|Megan Fox|Jessica Alba|Keira Knightley|Kirsten Dunst|Amy Adams|Sydney Sweeney|Jenna Ortega
Millie Bobby Brown|Anya Taylor-Joy|Emily Blunt|Emilia Clarke|Kit Harington|Peter Dinklage|Pamela Anderson|Jackie Chan|Jet Li
Michelle Yeoh|Shah Rukh Khan|Aishwarya Rai|Priyanka Chopra|Deepika Padukone|Amitabh Bachchan|Salman Khan|Charlie Sheen
Bryan Cranston|Aaron Paul|Gwyneth Paltrow|Ryan Reynolds|Blake Lively|Jake Gyllenhaal|Austin Butler|Paul Mescal|Glen Powell
Steven Spielberg|George Lucas|Quentin Tarantino|Martin Scorsese|James Cameron|Christopher Nolan|Woody Allen|Ridley Scott
Peter Jackson|Tim Burton|David Lynch|Wes Anderson|Greta Gerwig|Roman Polanski|Harvey Weinstein|Jeffrey Epstein
Ghislaine Maxwell|Bill Cosby|O.J. Simpson|Monica Lewinsky|Gérard Depardieu|Catherine Deneuve|Marion Cotillard|Omar Sy
Jean Dujardin|Léa Seydoux|Vincent Cassel|Monica Bellucci|Audrey Tautou|Juliette Binoche|Isabelle Huppert|Brigitte Bardot
Alain Delon|Jean-Paul Belmondo|Jean Reno|Sophie Marceau|Isabelle Adjani|Dany Boon|Gad Elmaleh|Jamel Debbouze|Kad Merad
Adèle Exarchopoulos|Virginie Efira|Louis Garrel|Romain Duris|Mathieu Kassovitz|Cyril Hanouna|Cyril Lignac|Nikos Aliagas
Michel Drucker|Stéphane Bern|Bernard Tapie|Éric Dupond-Moretti|Til Schweiger|Matthias Schweighöfer|Daniel Brühl
Christoph Waltz|Diane Kruger|Elyas M'Barek|Moritz Bleibtreu|Nora Tschirner|Iris Berben|Veronica Ferres|Jan Josef Liefers
Bastian Pastewka|Heidi Klum|Claudia Schiffer|Thomas Gottschalk|Günther Jauch|Stefan Raab|Jan Böhmermann|Markus Lanz
Barbara Schöneberger|Joko Winterscheidt|Klaas Heufer-Umlauf|Anke Engelke|Hape Kerkeling|Dieter Nuhr|Mario Barth
Sandra Maischberger|Florian Silbereisen|Harald Schmidt|Verona Pooth|Daniela Katzenberger|Boris Becker|Steffi Graf
Naomi Campbell|Kate Moss|Cindy Crawford|Gisele Bündchen|Tyra Banks|Gigi Hadid|Bella Hadid|Cara Delevingne|Karl Lagerfeld
Donatella Versace|Victoria Beckham|David Beckham|Lionel Messi|Cristiano Ronaldo|Kylian Mbappe|Kylian Mbappé|Neymar
Erling Haaland|Robert Lewandowski|Mohamed Salah|Harry Kane|Jude Bellingham|Lamine Yamal|Luka Modric|Karim Benzema
Antoine Griezmann|Paul Pogba|Olivier Giroud|Zinedine Zidane|Zinédine Zidane|Thierry Henry|Didier Deschamps|Éric Cantona
Michel Platini|Kevin De Bruyne|Zlatan Ibrahimovic|Wayne Rooney|Ronaldinho|Diego Maradona|Pep Guardiola|José Mourinho
Jose Mourinho|Carlo Ancelotti|Jürgen Klopp|Juergen Klopp|Joachim Löw|Julian Nagelsmann|Hansi Flick|Thomas Tuchel|Manuel Neuer
Toni Kroos|Mesut Özil|Bastian Schweinsteiger|Lukas Podolski|Mats Hummels|Jamal Musiala|Florian Wirtz|Joshua Kimmich
Antonio Rüdiger|Kai Havertz|Philipp Lahm|Oliver Kahn|Franz Beckenbauer|Lothar Matthäus|Uli Hoeneß|Rudi Völler
Gianni Infantino|Serena Williams|Venus Williams|Roger Federer|Rafael Nadal|Novak Djokovic|Andy Murray|Carlos Alcaraz
Jannik Sinner|Alexander Zverev|Naomi Osaka|Coco Gauff|Maria Sharapova|Emma Raducanu|LeBron James|Michael Jordan
Shaquille O'Neal|Stephen Curry|Kobe Bryant|Magic Johnson|Kevin Durant|Victor Wembanyama|Tony Parker|Dirk Nowitzki
Dennis Schröder|Giannis Antetokounmpo|Tom Brady|Patrick Mahomes|Travis Kelce|Colin Kaepernick|Usain Bolt|Simone Biles
Michael Phelps|Katie Ledecky|Léon Marchand|Teddy Riner|Antoine Dupont|Tony Estanguet|Lewis Hamilton|Max Verstappen
Sebastian Vettel|Michael Schumacher|Fernando Alonso|Charles Leclerc|Lando Norris|Nico Rosberg|Mick Schumacher|Tiger Woods
Mike Tyson|Tyson Fury|Floyd Mayweather|Conor McGregor|Muhammad Ali|Wladimir Klitschko|Vitali Klitschko|Lance Armstrong
Tadej Pogacar|Lindsey Vonn|Mikaela Shiffrin|Marcel Hirscher|Felix Neureuther|Magdalena Neuner|Laura Dahlmeier|Cathy Freeman
David Hasselhoff|Chuck Norris|Hulk Hogan|John Cena|Stephen King|J.K. Rowling|JK Rowling|Joanne Rowling|George R.R. Martin
Dan Brown|Salman Rushdie|Margaret Atwood|Michel Houellebecq|Haruki Murakami|Elfriede Jelinek|Peter Handke|Daniel Kehlmann
Noam Chomsky|Richard Dawkins|Jordan Peterson|Yuval Noah Harari|Neil deGrasse Tyson|Stephen Hawking|Jane Goodall|Banksy
Ai Weiwei|Damien Hirst|Jeff Koons|Gerhard Richter|Marina Abramovic|Anna Netrebko|Lang Lang|Anne-Sophie Mutter|Placido Domingo
Andrea Bocelli|David Copperfield|Thomas Pesquet|Alexander Gerst|Buzz Aldrin|Whitney Cummings|Amy Schumer|Dave Chappelle
Ricky Gervais|Taylor Lautner|Zac Efron|Vanessa Hudgens|Lindsay Lohan|Macaulay Culkin|Hilary Duff|Demi Lovato|Nick Jonas
Joe Jonas|Sophie Turner|Eva Longoria|Eva Mendes|Rita Ora|Ellie Goulding|Iggy Azalea|Jason Derulo|Elisabeth Moss|Winona Ryder
David Harbour|Finn Wolfhard|Jeremy Allen White|Barry Keoghan|Andrew Garfield|Tobey Maguire|Willem Dafoe|Tilda Swinton
Rachel Weisz|Olivia Colman|Emma Thompson|Kenneth Branagh|Stephen Fry|Simon Cowell|Graham Norton|Pope Leo XIV|Papst Leo XIV
pape Léon XIV|Queen Elizabeth II|Roger Waters|Sean Diddy Combs"""
"""A name a bar or line; a single word where one is known by it alone."""
SURNAMES = """Trump|Obama|Biden|Putin|Merkel|Macron|Zelensky|Zelenskyy|Selenskyj|Netanyahu|Erdogan|Berlusconi|Bolsonaro|Sarkozy
Zuckerberg|Bezos|Mélenchon|Zidane|Mbappé|Messi|Schwarzenegger|DiCaprio|Kardashian|Beyoncé|Baerbock|Habeck|Söder|Rihanna|Shakira|Eminem
Zendaya|Ronaldinho|Neymar|Djokovic|Federer|Nadal|Böhmermann|Depardieu|Meloni|Starmer|Navalny|Lukashenko|Orbán|Weidel"""
"""Surnames and single names that point at one person; not those that are words or common names too."""
OTHERS = "king charles spaniel", "king charles spaniels", "trump card", "trump cards", "trump suit", "prince william sound"
"""What begins like a name and is none."""
WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> list[str]:
    """The words of `text` without accents, l and i alike, since a 1 may stand for either; `'s` of a name is cut off."""
    text = re.sub(r"['’]s\b", "", unaccented(text.casefold()))
    return [word.replace("l", "i") for word in WORD.findall(text.replace("ß", "ss"))]


@cache
def known() -> dict[str, set[tuple[str, ...]]]:
    """First word -> names as words."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for name in (part.strip() for text in (NAMES, SURNAMES) for line in text.splitlines() for part in line.split("|")):
        words = tuple(folded(name))
        if words:
            found.setdefault(words[0], set()).add(words)
    return found


def named(prompt: str) -> str | None:
    """The first name of the list that a prompt in plain spelling has, as it was folded; None where it has none."""
    words = folded(prompt)
    for other in OTHERS:
        words = folded(" ".join(words).replace(" ".join(folded(other)), " "))
    for at, word in enumerate(words):
        for name in known().get(word, ()):
            if tuple(words[at : at + len(name)]) == name:
                return " ".join(name)
    return None
