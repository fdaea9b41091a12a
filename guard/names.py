"""Names of people of public life, alive when this was written or lately dead: a prompt that has one is of a real person."""

from __future__ import annotations

import re
from functools import cache

from .spelling import unaccented

NAMES = """Barack Obama|Michelle Obama|Donald Trump|Melania Trump|Ivanka Trump|Joe Biden|Jill Biden|Hunter Biden|Kamala Harris
Hillary Clinton|Bill Clinton|George W. Bush|George Bush|Al Gore|Bernie Sanders|Nancy Pelosi|Mitch McConnell|Mike Pence
JD Vance|Marco Rubio|Ted Cruz|Ron DeSantis|Gavin Newsom|Elizabeth Warren|Alexandria Ocasio-Cortez|Chuck Schumer|Mitt Romney
John Kerry|Pete Buttigieg|Pete Hegseth|Robert F. Kennedy Jr.|Tulsi Gabbard|Sarah Palin|Rudy Giuliani|Nikki Haley|Anthony Fauci
Zohran Mamdani|Edward Snowden|Julian Assange|Angela Merkel|Olaf Scholz|Friedrich Merz|Markus Söder|Robert Habeck
Annalena Baerbock|Christian Lindner|Alice Weidel|Sahra Wagenknecht|Gregor Gysi|Frank-Walter Steinmeier|Karl Lauterbach
Boris Pistorius|Lars Klingbeil|Heidi Reichinnek|Jens Spahn|Ursula von der Leyen|Gerhard Schröder|Björn Höcke|Hubert Aiwanger
Bärbel Bas|Sebastian Kurz|Herbert Kickl|Karl Nehammer|Christian Stocker|Alain Berset|Wolfgang Schäuble|Emmanuel Macron
Brigitte Macron|Marine Le Pen|Jordan Bardella|Nicolas Sarkozy|Carla Bruni|François Hollande|Jean-Luc Mélenchon|Gabriel Attal
Éric Zemmour|Édouard Philippe|François Bayrou|Michel Barnier|Rachida Dati|Anne Hidalgo|Ségolène Royal|Dominique de Villepin
Sébastien Lecornu|Bruno Retailleau|Gérald Darmanin|Christine Lagarde|Élisabeth Borne|Boris Johnson|Rishi Sunak|Keir Starmer
Theresa May|Liz Truss|David Cameron|Tony Blair|Jeremy Corbyn|Nigel Farage|Sadiq Khan|Angela Rayner|Nicola Sturgeon
Kemi Badenoch|Vladimir Putin|Wladimir Putin|Vladimir Poutine|Dmitry Medvedev|Sergey Lavrov|Alexei Navalny|Alexander Lukashenko
Volodymyr Zelensky|Volodymyr Zelenskyy|Wolodymyr Selenskyj|Volodymyr Zelenski|Xi Jinping|Kim Jong Un|Kim Jong-un|Narendra Modi
Imran Khan|Recep Tayyip Erdogan|Tayyip Erdogan|Benjamin Netanyahu|Bibi Netanyahu|Ali Khamenei|Bashar al-Assad
Mohammed bin Salman|Giorgia Meloni|Silvio Berlusconi|Matteo Salvini|Mario Draghi|Pedro Sanchez|Viktor Orban|Donald Tusk
Jaroslaw Kaczynski|Mark Rutte|Geert Wilders|Justin Trudeau|Mark Carney|Pierre Poilievre|Jair Bolsonaro
Luiz Inacio Lula da Silva|Javier Milei|Nicolas Maduro|Claudia Sheinbaum|Jacinda Ardern|Anthony Albanese|Shinzo Abe
Fumio Kishida|Dalai Lama|Pope Francis|Papst Franziskus|pape François|King Charles|König Charles|roi Charles|Prince William
Prince Harry|Prince Andrew|Kate Middleton|Meghan Markle|Queen Camilla|King Felipe|Queen Letizia|Princess Kate|Prinz William
Prinz Harry|António Guterres|Antonio Guterres|Jens Stoltenberg|Greta Thunberg|Luisa Neubauer|Malala Yousafzai|Elon Musk
Bill Gates|Melinda Gates|Jeff Bezos|Lauren Sanchez|Mark Zuckerberg|Tim Cook|Sam Altman|Sundar Pichai|Satya Nadella
Jensen Huang|Larry Page|Sergey Brin|Larry Ellison|Warren Buffett|Richard Branson|Bernard Arnault|Peter Thiel|Jack Dorsey
Steve Wozniak|Oprah Winfrey|Ellen DeGeneres|Jimmy Fallon|Jimmy Kimmel|Stephen Colbert|Conan O'Brien|Trevor Noah|John Oliver
James Corden|Joe Rogan|Tucker Carlson|Piers Morgan|Jeremy Clarkson|David Attenborough|Gordon Ramsay|Jamie Oliver
Martha Stewart|Kim Kardashian|Khloe Kardashian|Kourtney Kardashian|Kylie Jenner|Kendall Jenner|Caitlyn Jenner|Kris Jenner
Paris Hilton|Andrew Tate|Logan Paul|Jake Paul|MrBeast|PewDiePie|Charli D'Amelio|Addison Rae|Rezo|Gronkh|Squeezie
Léna Situations|Taylor Swift|Beyonce|Beyoncé Knowles|Rihanna|Justin Bieber|Hailey Bieber|Lady Gaga|Billie Eilish|Ed Sheeran
Kanye West|Bruno Mars|Katy Perry|Ariana Grande|Selena Gomez|Miley Cyrus|Britney Spears|Christina Aguilera|Jennifer Lopez
Shakira|Mariah Carey|Celine Dion|Céline Dion|Dua Lipa|Harry Styles|Zayn Malik|Niall Horan|Louis Tomlinson|Olivia Rodrigo
Sabrina Carpenter|Chappell Roan|Lana Del Rey|Lizzo|Cardi B|Nicki Minaj|Megan Thee Stallion|Doja Cat|Kendrick Lamar|Snoop Dogg
Jay-Z|Eminem|Dr. Dre|Post Malone|Travis Scott|Lil Nas X|Justin Timberlake|John Legend|Alicia Keys|Pharrell Williams|Sean Combs
Maluma|Enrique Iglesias|Ricky Martin|Marc Anthony|Rosalía|Elton John|Paul McCartney|Ringo Starr|Mick Jagger|Keith Richards
Bob Dylan|Bruce Springsteen|Ozzy Osbourne|Phil Collins|Rod Stewart|Robbie Williams|Eric Clapton|Tina Turner|Stevie Wonder
Dolly Parton|Avril Lavigne|Dave Grohl|Lewis Capaldi|Jon Bon Jovi|Axl Rose|Till Lindemann|Herbert Grönemeyer|Udo Lindenberg
Helene Fischer|Xavier Naidoo|Peter Maffay|Nena Kerner|Andrea Berg|Mark Forster|Lena Meyer-Landrut|Max Giesinger|Apache 207
Shirin David|Capital Bra|Dieter Bohlen|Roland Kaiser|Mylène Farmer|Vanessa Paradis|Patrick Bruel|Aya Nakamura|Stromae
Angèle Van Laeken|David Guetta|Maître Gims|Booba|Orelsan|Johnny Hallyday|Françoise Hardy|Francis Cabrel|Jean-Jacques Goldman
Zaz|Charles Aznavour|Nolwenn Leroy|Matt Pokora|Clara Luciani|Tom Cruise|Brad Pitt|Angelina Jolie|Scarlett Johansson
Leonardo DiCaprio|Emma Watson|Tom Hanks|Jennifer Lawrence|Will Smith|Jada Pinkett Smith|Keanu Reeves|Meryl Streep
Julia Roberts|George Clooney|Amal Clooney|Natalie Portman|Ryan Gosling|Margot Robbie|Robert De Niro|Al Pacino|Johnny Depp
Amber Heard|Nicole Kidman|Denzel Washington|Morgan Freeman|Samuel L. Jackson|Harrison Ford|Mark Hamill|Arnold Schwarzenegger
Sylvester Stallone|Bruce Willis|Clint Eastwood|Jack Nicholson|Dustin Hoffman|Anthony Hopkins|Robert Downey Jr.
Robert Downey Junior|Chris Evans|Chris Hemsworth|Chris Pratt|Mark Ruffalo|Jeremy Renner|Tom Holland|Zendaya|Timothée Chalamet
Timothee Chalamet|Florence Pugh|Emma Stone|Anne Hathaway|Cate Blanchett|Kate Winslet|Judi Dench|Helen Mirren|Maggie Smith
Ian McKellen|Patrick Stewart|Daniel Craig|Pierce Brosnan|Sean Connery|Daniel Radcliffe|Rupert Grint|Robert Pattinson
Kristen Stewart|Benedict Cumberbatch|Hugh Grant|Hugh Jackman|Hugh Laurie|Colin Firth|Jude Law|Idris Elba|Eddie Redmayne
Ralph Fiennes|Rowan Atkinson|John Cleese|Jim Carrey|Adam Sandler|Ben Stiller|Owen Wilson|Steve Carell|Will Ferrell|Kevin Hart
Dwayne Johnson|Vin Diesel|Jason Statham|Jason Momoa|Ben Affleck|Matt Damon|Christian Bale|Joaquin Phoenix|Heath Ledger
Jared Leto|Cillian Murphy|Matthew McConaughey|Woody Harrelson|Nicolas Cage|John Travolta|Kevin Costner|Kevin Spacey
Kevin Bacon|Mel Gibson|Russell Crowe|Liam Neeson|Jeff Goldblum|Jeff Bridges|Bill Murray|Steve Martin|Eddie Murphy|Jamie Foxx
Chris Rock|Whoopi Goldberg|Halle Berry|Viola Davis|Lupita Nyong'o|Michael B. Jordan|Pedro Pascal|Oscar Isaac|Adam Driver
Antonio Banderas|Javier Bardem|Penelope Cruz|Penélope Cruz|Salma Hayek|Sofia Vergara|Ana de Armas|Gal Gadot|Mila Kunis
Ashton Kutcher|Jennifer Aniston|Courteney Cox|Lisa Kudrow|Matthew Perry|David Schwimmer|Matt LeBlanc|Sandra Bullock
Cameron Diaz|Drew Barrymore|Reese Witherspoon|Sarah Jessica Parker|Charlize Theron|Uma Thurman|Demi Moore|Sharon Stone
Megan Fox|Jessica Alba|Keira Knightley|Kirsten Dunst|Amy Adams|Sydney Sweeney|Jenna Ortega|Millie Bobby Brown|Anya Taylor-Joy
Emily Blunt|Emilia Clarke|Kit Harington|Peter Dinklage|Pamela Anderson|Jackie Chan|Jet Li|Michelle Yeoh|Shah Rukh Khan
Aishwarya Rai|Priyanka Chopra|Deepika Padukone|Amitabh Bachchan|Salman Khan|Charlie Sheen|Bryan Cranston|Aaron Paul
Gwyneth Paltrow|Ryan Reynolds|Blake Lively|Jake Gyllenhaal|Austin Butler|Paul Mescal|Glen Powell|Steven Spielberg|George Lucas
Quentin Tarantino|Martin Scorsese|James Cameron|Christopher Nolan|Woody Allen|Ridley Scott|Peter Jackson|Tim Burton
David Lynch|Wes Anderson|Greta Gerwig|Roman Polanski|Harvey Weinstein|Jeffrey Epstein|Ghislaine Maxwell|Bill Cosby
O.J. Simpson|Monica Lewinsky|Gérard Depardieu|Catherine Deneuve|Marion Cotillard|Omar Sy|Jean Dujardin|Léa Seydoux
Vincent Cassel|Monica Bellucci|Audrey Tautou|Juliette Binoche|Isabelle Huppert|Brigitte Bardot|Alain Delon|Jean-Paul Belmondo
Jean Reno|Sophie Marceau|Isabelle Adjani|Dany Boon|Gad Elmaleh|Jamel Debbouze|Kad Merad|Adèle Exarchopoulos|Virginie Efira
Louis Garrel|Romain Duris|Mathieu Kassovitz|Cyril Hanouna|Cyril Lignac|Nikos Aliagas|Michel Drucker|Stéphane Bern
Bernard Tapie|Éric Dupond-Moretti|Til Schweiger|Matthias Schweighöfer|Daniel Brühl|Christoph Waltz|Diane Kruger|Elyas M'Barek
Moritz Bleibtreu|Nora Tschirner|Iris Berben|Veronica Ferres|Jan Josef Liefers|Bastian Pastewka|Heidi Klum|Claudia Schiffer
Thomas Gottschalk|Günther Jauch|Stefan Raab|Jan Böhmermann|Markus Lanz|Barbara Schöneberger|Joko Winterscheidt
Klaas Heufer-Umlauf|Anke Engelke|Hape Kerkeling|Dieter Nuhr|Mario Barth|Sandra Maischberger|Florian Silbereisen|Harald Schmidt
Verona Pooth|Daniela Katzenberger|Boris Becker|Steffi Graf|Naomi Campbell|Kate Moss|Cindy Crawford|Gisele Bündchen|Tyra Banks
Gigi Hadid|Bella Hadid|Cara Delevingne|Karl Lagerfeld|Donatella Versace|Victoria Beckham|David Beckham|Lionel Messi
Cristiano Ronaldo|Kylian Mbappe|Kylian Mbappé|Neymar|Erling Haaland|Robert Lewandowski|Mohamed Salah|Harry Kane
Jude Bellingham|Lamine Yamal|Luka Modric|Karim Benzema|Antoine Griezmann|Paul Pogba|Olivier Giroud|Zinedine Zidane
Zinédine Zidane|Thierry Henry|Didier Deschamps|Éric Cantona|Michel Platini|Kevin De Bruyne|Zlatan Ibrahimovic|Wayne Rooney
Ronaldinho|Diego Maradona|Pep Guardiola|José Mourinho|Jose Mourinho|Carlo Ancelotti|Jürgen Klopp|Juergen Klopp|Joachim Löw
Julian Nagelsmann|Hansi Flick|Thomas Tuchel|Manuel Neuer|Toni Kroos|Mesut Özil|Bastian Schweinsteiger|Lukas Podolski
Mats Hummels|Jamal Musiala|Florian Wirtz|Joshua Kimmich|Antonio Rüdiger|Kai Havertz|Philipp Lahm|Oliver Kahn|Franz Beckenbauer
Lothar Matthäus|Uli Hoeneß|Rudi Völler|Gianni Infantino|Serena Williams|Venus Williams|Roger Federer|Rafael Nadal
Novak Djokovic|Andy Murray|Carlos Alcaraz|Jannik Sinner|Alexander Zverev|Naomi Osaka|Coco Gauff|Maria Sharapova|Emma Raducanu
LeBron James|Michael Jordan|Shaquille O'Neal|Stephen Curry|Kobe Bryant|Magic Johnson|Kevin Durant|Victor Wembanyama
Tony Parker|Dirk Nowitzki|Dennis Schröder|Giannis Antetokounmpo|Tom Brady|Patrick Mahomes|Travis Kelce|Colin Kaepernick
Usain Bolt|Simone Biles|Michael Phelps|Katie Ledecky|Léon Marchand|Teddy Riner|Antoine Dupont|Tony Estanguet|Lewis Hamilton
Max Verstappen|Sebastian Vettel|Michael Schumacher|Fernando Alonso|Charles Leclerc|Lando Norris|Nico Rosberg|Mick Schumacher
Tiger Woods|Mike Tyson|Tyson Fury|Floyd Mayweather|Conor McGregor|Muhammad Ali|Wladimir Klitschko|Vitali Klitschko
Lance Armstrong|Tadej Pogacar|Lindsey Vonn|Mikaela Shiffrin|Marcel Hirscher|Felix Neureuther|Magdalena Neuner|Laura Dahlmeier
Cathy Freeman|David Hasselhoff|Chuck Norris|Hulk Hogan|John Cena|Stephen King|J.K. Rowling|JK Rowling|Joanne Rowling
George R.R. Martin|Dan Brown|Salman Rushdie|Margaret Atwood|Michel Houellebecq|Haruki Murakami|Elfriede Jelinek|Peter Handke
Daniel Kehlmann|Noam Chomsky|Richard Dawkins|Jordan Peterson|Yuval Noah Harari|Neil deGrasse Tyson|Stephen Hawking
Jane Goodall|Banksy|Ai Weiwei|Damien Hirst|Jeff Koons|Gerhard Richter|Marina Abramovic|Anna Netrebko|Lang Lang
Anne-Sophie Mutter|Placido Domingo|Andrea Bocelli|David Copperfield|Thomas Pesquet|Alexander Gerst|Buzz Aldrin
Whitney Cummings|Amy Schumer|Dave Chappelle|Ricky Gervais|Taylor Lautner|Zac Efron|Vanessa Hudgens|Lindsay Lohan
Macaulay Culkin|Hilary Duff|Demi Lovato|Nick Jonas|Joe Jonas|Sophie Turner|Eva Longoria|Eva Mendes|Rita Ora|Ellie Goulding
Iggy Azalea|Jason Derulo|Elisabeth Moss|Winona Ryder|David Harbour|Finn Wolfhard|Jeremy Allen White|Barry Keoghan
Andrew Garfield|Tobey Maguire|Willem Dafoe|Tilda Swinton|Rachel Weisz|Olivia Colman|Emma Thompson|Kenneth Branagh|Stephen Fry
Simon Cowell|Graham Norton|Pope Leo XIV|Papst Leo XIV|pape Léon XIV|Queen Elizabeth II|Roger Waters|Sean Diddy Combs
Lindsay Vonn|Lena Gercke|Florent Pagny|Sandra Oh|Oliver Pocher|Adele Adkins|Anderson Cooper|Rachel Maddow|Sean Hannity
Megyn Kelly|Barbara Walters|David Letterman|Jay Leno|Seth Meyers|Bill Maher|Jon Stewart|Dr. Phil|Judge Judy|Ryan Seacrest
Drew Carey|Howard Stern|Alex Jones|Ben Shapiro|Candace Owens|Charlie Kirk|Steve Bannon|Matt Gaetz|Marjorie Taylor Greene
Lauren Boebert|Ilhan Omar|Lindsey Graham|Kevin McCarthy|Tim Walz|Josh Shapiro|Gretchen Whitmer|Cory Booker|Beto O'Rourke
Andrew Cuomo|Michael Bloomberg|Chelsea Clinton|Barron Trump|Eric Trump|Donald Trump Jr.|Jared Kushner|Condoleezza Rice
Colin Powell|Dick Cheney|Jimmy Carter|Laura Bush|Antony Blinken|Lloyd Austin|Janet Yellen|Jerome Powell|Clarence Thomas
Brett Kavanaugh|Amy Coney Barrett|Sonia Sotomayor|John Bolton|Kash Patel|Pam Bondi|Kristi Noem|Karoline Leavitt
Vivek Ramaswamy|Jeremy Hunt|Michael Gove|Jacob Rees-Mogg|Priti Patel|Suella Braverman|Dominic Cummings|Matt Hancock
Rachel Reeves|Wes Streeting|Yvette Cooper|David Lammy|Ed Miliband|John Swinney|Humza Yousaf|Leo Varadkar|Micheál Martin
Mary Robinson|Gerry Adams|Princess Anne|Prince Edward|Princess Beatrice|Princess Eugenie|Princess Charlotte|Sarah Ferguson
Albert von Monaco|Fürst Albert|prince Albert de Monaco|Charlène de Monaco|Caroline de Monaco|Stéphanie de Monaco
König Willem-Alexander|Willem-Alexander|Königin Máxima|Königin Margrethe|King Frederik|König Frederik|Carl Gustaf
Kronprinzessin Victoria|Mette-Marit|Philipp Rösler|Sigmar Gabriel|Heiko Maas|Peter Altmaier|Horst Seehofer|Armin Laschet
Annegret Kramp-Karrenbauer|Ricarda Lang|Cem Özdemir|Claudia Roth|Anton Hofreiter|Jürgen Trittin|Joschka Fischer|Otto Schily
Oskar Lafontaine|Katja Kipping|Janine Wissler|Bodo Ramelow|Tino Chrupalla|Alexander Gauland|Beatrix von Storch|Frauke Petry
Christian Wulff|Joachim Gauck|Horst Köhler|Nancy Faeser|Hubertus Heil|Svenja Schulze|Klara Geywitz|Saskia Esken|Kevin Kühnert
Manuela Schwesig|Malu Dreyer|Hendrik Wüst|Daniel Günther|Michael Kretschmer|Boris Palmer|Winfried Kretschmann|Franziska Giffey
Kai Wegner|Dorothee Bär|Andreas Scheuer|Philipp Amthor|Wolfgang Kubicki|Marie-Agnes Strack-Zimmermann|Volker Wissing
Marco Buschmann|Thomas de Maizière|Karl-Theodor zu Guttenberg|Julia Klöckner|Katherina Reiche|Johann Wadephul
Alexander Dobrindt|Carsten Linnemann|Alexander Van der Bellen|Heinz-Christian Strache|Werner Kogler|Beate Meinl-Reisinger
Andreas Babler|Karin Keller-Sutter|Viola Amherd|Ignazio Cassis|Christoph Blocher|Jean Castex|Manuel Valls
Dominique Strauss-Kahn|Alain Juppé|François Fillon|Lionel Jospin|Bernard Cazeneuve|Bruno Le Maire|Olivier Véran|Aurore Bergé
Marlène Schiappa|Valérie Pécresse|Xavier Bertrand|Laurent Wauquiez|Éric Ciotti|Fabien Roussel|Sandrine Rousseau
Marine Tondelier|Yannick Jadot|Cécile Duflot|Olivier Faure|Raphaël Glucksmann|Mathilde Panot|Manuel Bompard|François Ruffin
Clémentine Autain|Jean-Marie Le Pen|Marion Maréchal|Florian Philippot|Nicolas Dupont-Aignan|Jean Lassalle|Philippe Poutou
Arlette Laguiller|José Bové|Nicolas Hulot|Jacques Attali|Bernard-Henri Lévy|Alain Finkielkraut|Michel Onfray|Claude Chirac
Bernadette Chirac|Didier Raoult|Vincent Bolloré|Xavier Niel|Patrick Drahi|Charles Michel|Alexander De Croo|Bart De Wever
Elio Di Rupo|Roberta Metsola|Josep Borrell|Kaja Kallas|Jean-Claude Juncker|Sanna Marin|Alexander Stubb|Mette Frederiksen
Magdalena Andersson|Ulf Kristersson|Erna Solberg|Mariano Rajoy|Carles Puigdemont|Santiago Abascal|Isabel Díaz Ayuso
Matteo Renzi|Giuseppe Conte|Beppe Grillo|Sergio Mattarella|Alexis Tsipras|Yanis Varoufakis|Kyriakos Mitsotakis
Aleksandar Vučić|Robert Fico|Andrej Babiš|Petr Pavel|Mateusz Morawiecki|Karol Nawrocki|Lech Walesa|Petro Poroschenko
Petro Poroshenko|Julia Timoschenko|Maia Sandu|Ramzan Kadyrov|Ramsan Kadyrow|Jewgeni Prigoschin|Yevgeny Prigozhin
Maria Zakharova|Sergei Shoigu|Sergej Lawrow|Dmitri Medwedew|Alexei Nawalny|Julia Nawalnaja|Yulia Navalnaya|Garry Kasparov
Mikhail Khodorkovsky|Kim Yo Jong|Moon Jae-in|Yoon Suk Yeol|Sanae Takaichi|Shigeru Ishiba|Rodrigo Duterte|Ferdinand Marcos
Joko Widodo|Prabowo Subianto|Mahathir Mohamad|Aung San Suu Kyi|Rahul Gandhi|Sonia Gandhi|Yogi Adityanath|Nawaz Sharif
Shehbaz Sharif|Hamid Karzai|Hassan Rouhani|Ebrahim Raisi|Mahmoud Ahmadinejad|Hassan Nasrallah|Yahya Sinwar|Mahmoud Abbas
Yoav Gallant|Itamar Ben-Gvir|Ehud Barak|Abdel Fattah al-Sisi|Muammar Gaddafi|Saddam Hussein|Osama bin Laden|Cyril Ramaphosa
Jacob Zuma|Nelson Mandela|Paul Kagame|Robert Mugabe|Evo Morales|Gabriel Boric|Gustavo Petro|Nayib Bukele|Cristina Kirchner
Hugo Chavez|Fidel Castro|Raul Castro|Andrés Manuel López Obrador|Scott Morrison|Julia Gillard|Ban Ki-moon|Kofi Annan
Tedros Adhanom|Christian Drosten|Hendrik Streeck|Benedikt XVI|Benedict XVI|Benoît XVI|Papst Benedikt|Margot Käßmann|Sia Furler
Alecia Moore|Gwen Stefani|Kelly Clarkson|Carrie Underwood|Shania Twain|Taylor Hawkins|Kylie Minogue|Dannii Minogue|Jason Mraz
Adam Levine|Chris Martin|Thom Yorke|Liam Gallagher|Noel Gallagher|Damon Albarn|Robert Plant|Jimmy Page|Brian May|David Bowie
Freddie Mercury|George Michael|Michael Jackson|Janet Jackson|La Toya Jackson|Whitney Houston|Amy Winehouse|Kurt Cobain
Courtney Love|Elvis Presley|Lisa Marie Presley|Priscilla Presley|Madonna Ciccone|Barbra Streisand|Diana Ross|Lionel Richie
Cyndi Lauper|Annie Lennox|Björk|Sinead O'Connor|Van Morrison|Chris de Burgh|Ronan Keating|Adam Lambert|Susan Boyle|Leona Lewis
Jessie J|Charli XCX|Florence Welch|PinkPantheress|FKA twigs|Stormzy|Skepta|Central Cee|Lil Wayne|Lil Uzi Vert|Playboi Carti
Tyler, the Creator|Frank Ocean|Childish Gambino|Donald Glover|Chance the Rapper|J. Cole|Ice Spice|SZA|Janelle Monáe
Solange Knowles|Kelly Rowland|Chris Brown|R. Kelly|Usher Raymond|Ne-Yo|Bad Bunny|J Balvin|Daddy Yankee|Karol G|Luis Fonsi
Gloria Estefan|Carlos Santana|Julio Iglesias|Eros Ramazzotti|Laura Pausini|Adriano Celentano|Zucchero|Måneskin|Damiano David
Toto Cutugno|Gianna Nannini|Agnetha Fältskog|Björn Ulvaeus|Benny Andersson|Zara Larsson|Tove Lo|Avicii|Tiësto|Calvin Harris
Skrillex|DJ Khaled|Marshmello|Kim Taehyung|Jungkook|Lisa Manobal|Jennie Kim|Park Jimin|Vanessa Mai|Beatrice Egli
Michelle Hunziker|Maite Kelly|Matthias Reim|Howard Carpendale|Jürgen Drews|Mickie Krause|Andreas Gabalier|DJ Ötzi|Semino Rossi
Wolfgang Petry|Marius Müller-Westernhagen|Peter Fox|Tim Bendzko|Andreas Bourani|Johannes Oerding|Sarah Connor
Jeanette Biedermann|Yvonne Catterfeld|Nena|Kool Savas|Kollegah|Bonez MC|RAF Camora|Loredana Zefi|Katja Krasavice|Badmómzjay
Ayliva|Nina Chuba|Jan Delay|Smudo|Michi Beck|Campino|Farin Urlaub|Bela B|Conchita Wurst|Rainhard Fendrich|Wolfgang Ambros
Pietro Lombardi|Sarah Engels|Alexander Klaws|Michael Wendler|Micaela Schäfer|Kader Loth|Evelyn Burdecki|Georgina Fleur
Harald Glööckler|Guido Maria Kretschmer|Bruce Darnell|Motsi Mabuse|Jorge González|Victoria Swarovski|Daniel Hartwich
Sonja Zietlow|Sophia Thomalla|Simone Thomalla|Jenke von Wilmsdorff|Linda Zervakis|Judith Rakers|Caren Miosga|Marietta Slomka
Claus Kleber|Ingo Zamperoni|Anne Will|Maybrit Illner|Frank Plasberg|Reinhold Beckmann|Johannes B. Kerner|Jörg Pilawa
Kai Pflaume|Eckart von Hirschhausen|Ranga Yogeshwar|Mai Thi Nguyen-Kim|Harald Lesch|Richard David Precht|Peter Sloterdijk
Olaf Schubert|Otto Waalkes|Helge Schneider|Kurt Krömer|Carolin Kebekus|Cindy aus Marzahn|Ilka Bessin|Michael Mittermeier
Bülent Ceylan|Kaya Yanar|Atze Schröder|Sascha Grammel|Bully Herbig|Michael Bully Herbig|Christoph Maria Herbst|Christian Ulmen
Fahri Yardim|Palina Rojinski|Collien Fernandes|Collien Ulmen-Fernandes|Karoline Herfurth|Alexandra Maria Lara|Jella Haase
Florian David Fitz|Wotan Wilke Möhring|Axel Prahl|Ulrich Tukur|Maria Furtwängler|Heino Ferch|Jürgen Vogel|Benno Fürmann
August Diehl|Sandra Hüller|Franka Potente|Nina Hoss|Martina Gedeck|Hannelore Elsner|Senta Berger|Uschi Glas|Mario Adorf
Armin Mueller-Stahl|Götz George|Dieter Hallervorden|Jopi Heesters|Meret Becker|Heike Makatsch|Lars Eidinger|Tom Schilling
Frederick Lau|Louis Hofmann|Emilia Schüle|Ruby O. Fee|Toni Garrn|Stefanie Giesinger|Bibis Beauty Palace|Bianca Claßen
Julian Claßen|Dagi Bee|LeFloid|MontanaBlack|Trymacs|Knossi|Papaplatte|Julien Bam|Pamela Reif|Caro Daur|Leonie Hanne
Simon Desue|Inscope21|HandOfBlood|Tomatolix|Younes Zarou|EnjoyPhoenix|Norman Thavaud|Cyprien Iov|Amixem|Inoxtag
McFly et Carlito|Natoo|Tibo InShape|Nabilla Benattia|Nabilla|Loana Petrucciani|Jazz Correia|Magali Berdah|Iris Mittenaere
Camille Cerf|Vaimalama Chaves|Clémence Botino|Alexandra Rosenfeld|Laury Thilleman|Jean-Pierre Foucault|Jean-Luc Reichmann
Nagui Fam|Nagui|Arthur Essebag|Laurent Ruquier|Thierry Ardisson|Yann Barthès|Anne-Élisabeth Lemoine|Laurence Ferrari
Claire Chazal|Patrick Poivre d'Arvor|PPDA|Anne-Sophie Lapix|Gilles Bouleau|Evelyne Dhéliat|Karine Le Marchand
Faustine Bollaert|Alessandra Sublet|Sophie Davant|Julien Courbet|Christophe Dechavanne|Jean-Pierre Pernaut|Élise Lucet
Léa Salamé|Nicolas Demorand|Pascal Praud|Laurent Delahousse|Philippe Etchebest|Cyril Féraud|Camille Combal|Denis Brogniart
Laurent Gerra|Nicolas Canteloup|Florence Foresti|Muriel Robin|Anne Roumanoff|Élie Semoun|Dieudonné M'bala|Franck Dubosc
Kev Adams|Gaspard Proust|Blanche Gardin|Valérie Lemercier|Alain Chabat|Gérard Jugnot|Christian Clavier|Thierry Lhermitte
Josiane Balasko|Dominique Lavanant|Daniel Auteuil|Fabrice Luchini|Gérard Lanvin|Jean Rochefort|Pierre Richard|Pierre Niney
François Civil|Vincent Lacoste|Guillaume Canet|Gilles Lellouche|Benoît Magimel|Benoît Poelvoorde|Cécile de France
Charlotte Gainsbourg|Jane Birkin|Serge Gainsbourg|Lou Doillon|Lily-Rose Depp|Emmanuelle Béart|Fanny Ardant|Carole Bouquet
Sandrine Bonnaire|Sandrine Kiberlain|Karin Viard|Mélanie Laurent|Eva Green|Bérénice Bejo|Ludivine Sagnier|Louane Emera|Louane
Amel Bent|Vitaa|Slimane Nebchi|Kendji Girac|Nekfeu|PNL Ademo|Damso|SCH Julien|Tiakola|Kaaris|Rohff|Youssoupha|MC Solaar
Kool Shen|JoeyStarr|Joey Starr|Grand Corps Malade|Christophe Maé|Pascal Obispo|Marc Lavoine|Julien Clerc|Michel Sardou
Eddy Mitchell|Jacques Dutronc|Thomas Dutronc|Renaud Séchan|Alain Souchon|Laurent Voulzy|Véronique Sanson|Patricia Kaas
Hélène Ségara|Lara Fabian|Isabelle Boulay|Roch Voisine|Lorie Pester|Alizée Jacotey|Jenifer Bartoli|Zaho de Sagazan
Juliette Armanet|Benjamin Biolay|Amir Haddad|Bigflo et Oli|Bilal Hassani|Eddy de Pretto|Barbara Pravi|Christine and the Queens
Héloïse Letissier|Jean-Michel Jarre|Bob Sinclar|DJ Snake|Martin Solveig|Thomas Bangalter|Sylvie Vartan|Mireille Mathieu
Line Renaud|Enrico Macias|Hugues Aufray|Salvatore Adamo|Axelle Red|Claude François|Joe Dassin|Dalida|Robin Williams
Philip Seymour Hoffman|Gene Hackman|Robert Redford|Warren Beatty|Diane Keaton|Jane Fonda|Sally Field|Goldie Hawn|Kurt Russell
Susan Sarandon|Sigourney Weaver|Glenn Close|Michelle Pfeiffer|Kim Basinger|Geena Davis|Jodie Foster|Helen Hunt|Meg Ryan
Holly Hunter|Frances McDormand|Julianne Moore|Annette Bening|Laura Dern|Naomi Watts|Hilary Swank|Jennifer Connelly|Kate Hudson
Kate Beckinsale|Rachel McAdams|Jessica Chastain|Jessica Biel|Jennifer Garner|Jennifer Love Hewitt|Sarah Michelle Gellar
Alyssa Milano|Shannen Doherty|Tori Spelling|Teri Hatcher|Felicity Huffman|Christina Hendricks|January Jones|Jon Hamm
Michael C. Hall|Hugh Bonneville|Bob Odenkirk|James Gandolfini|Edie Falco|Peter Falk|William Shatner|Leonard Nimoy|George Takei
Brent Spiner|Gillian Anderson|David Duchovny|Ellen Pompeo|Patrick Dempsey|Kerry Washington|Taraji P. Henson|Octavia Spencer
Angela Bassett|Regina King|Zoe Saldana|Zoë Kravitz|Lenny Kravitz|Lisa Bonet|Jason Bateman|Paul Rudd|Seth Rogen|James Franco
Jonah Hill|Michael Cera|Jesse Eisenberg|Shia LaBeouf|Channing Tatum|Mark Wahlberg|Bradley Cooper|Gerard Butler|Ewan McGregor
James McAvoy|Michael Fassbender|Tom Hardy|Tom Hiddleston|Henry Cavill|Clive Owen|Gary Oldman|Alan Rickman|Michael Caine
Roger Moore|Timothy Dalton|Ben Kingsley|Jeremy Irons|Bill Nighy|Simon Pegg|Martin Freeman|Andrew Scott|David Tennant
Peter Capaldi|Jodie Whittaker|Ncuti Gatwa|Helena Bonham Carter|Kristin Scott Thomas|Joan Collins|Emily Watson|Carey Mulligan
Felicity Jones|Lily James|Lily Collins|Daisy Ridley|John Boyega|Gwendoline Christie|Maisie Williams|Lena Headey
Nikolaj Coster-Waldau|Mads Mikkelsen|Stellan Skarsgård|Alexander Skarsgård|Bill Skarsgård|Alicia Vikander|Noomi Rapace
Max von Sydow|Viggo Mortensen|Elijah Wood|Sean Bean|Orlando Bloom|Liv Tyler|Steven Tyler|Hugo Weaving|Guy Pearce|Eric Bana
Geoffrey Rush|Toni Collette|Sam Neill|Taika Waititi|Jemaine Clement|Rose Byrne|Tracy Morgan|Tina Fey|Amy Poehler|Kristen Wiig
Maya Rudolph|Melissa McCarthy|Rebel Wilson|Mindy Kaling|Aziz Ansari|Kumail Nanjiani|Ali Wong|Bo Burnham|Pete Davidson
Sarah Silverman|Jerry Seinfeld|Larry David|Ray Romano|Kelsey Grammer|Tim Allen|Roseanne Barr|Danny DeVito|Rob Lowe|Charlie Day
Mark Harmon|Tom Selleck|Burt Reynolds|Chevy Chase|Dan Aykroyd|Rick Moranis|Mike Myers|Dana Carvey|Rob Schneider|David Spade
Jack Black|Vince Vaughn|Luke Wilson|Billy Bob Thornton|Val Kilmer|Wesley Snipes|Dolph Lundgren|Jean-Claude Van Damme
Steven Seagal|Mickey Rourke|Robert Duvall|James Caan|Joe Pesci|Ray Liotta|Harvey Keitel|Christopher Walken|Steve Buscemi
John Malkovich|John Goodman|Tommy Lee Jones|Ed Harris|Sam Rockwell|Josh Brolin|Benicio del Toro|Diego Luna|Gael García Bernal
Rami Malek|Dev Patel|Riz Ahmed|Simu Liu|Awkwafina|Lucy Liu|Ke Huy Quan|Hoyeon Jung|Lee Jung-jae|Bong Joon-ho|Park Chan-wook
Donnie Yen|Bruce Lee|Tony Leung|Gong Li|Zhang Ziyi|Fan Bingbing|Ranveer Singh|Ranbir Kapoor|Alia Bhatt|Katrina Kaif|Aamir Khan
Akshay Kumar|Hrithik Roshan|Kareena Kapoor|Anushka Sharma|Virat Kohli|Sachin Tendulkar|MS Dhoni|Jacob Elordi|Josh O'Connor
Callum Turner|Nicholas Hoult|Nicholas Galitzine|Jonathan Bailey|Regé-Jean Page|Phoebe Waller-Bridge|Phoebe Dynevor
Nicola Coughlan|Jodie Comer|Saoirse Ronan|Elle Fanning|Dakota Fanning|Dakota Johnson|Melanie Griffith|Margaret Qualley
Andie MacDowell|Mia Goth|Mikey Madison|Rachel Zegler|Ariana DeBose|Cynthia Erivo|Halle Bailey|Brie Larson|Elizabeth Olsen
Mary-Kate Olsen|Ashley Olsen|Hailee Steinfeld|Sadie Sink|Jenna Fischer|John Krasinski|Rainn Wilson|Ed Helms|Bradley Whitford
Alec Baldwin|Stephen Baldwin|Kirstie Alley|Denise Richards|Carmen Electra|Anna Nicole Smith|Jenna Jameson|Stormy Daniels
Mia Khalifa|Belle Delphine|Sasha Grey|Nicole Richie|Rob Kardashian|Bianca Censori|Julia Fox|Emily Ratajkowski|Ashley Graham
Karlie Kloss|Adriana Lima|Miranda Kerr|Linda Evangelista|Christy Turlington|Eva Herzigova|Laetitia Casta|Karen Mulder
Anna Wintour|Marc Jacobs|Jean Paul Gaultier|Christian Louboutin|Vivienne Westwood|Stella McCartney|Wolfgang Joop|Jil Sander
Francis Ford Coppola|Sofia Coppola|Spike Lee|Coen brothers|Joel Coen|David Fincher|Denis Villeneuve|Guillermo del Toro
Alfonso Cuarón|Alejandro Iñárritu|Pedro Almodóvar|Lars von Trier|Michael Haneke|Wim Wenders|Werner Herzog|Fatih Akin
Volker Schlöndorff|Roland Emmerich|Wolfgang Petersen|Uwe Boll|Luc Besson|Jean-Luc Godard|François Truffaut|Claude Lelouch
François Ozon|Xavier Dolan|Julia Ducournau|Céline Sciamma|Jacques Audiard|Michel Gondry|Cédric Klapisch|Jean-Jacques Annaud
Costa-Gavras|Hayao Miyazaki|Takeshi Kitano|Michael Bay|J.J. Abrams|Zack Snyder|Joss Whedon|James Gunn|Jordan Peele
Michael Moore|Oliver Stone|Ron Howard|Robert Zemeckis|Baz Luhrmann|Danny Boyle|Guy Ritchie|Sam Mendes|Terry Gilliam|Eric Idle
Neil Gaiman|Philip Pullman|Ian Rankin|Ken Follett|Jeffrey Archer|John Grisham|Stephenie Meyer|Suzanne Collins|Kazuo Ishiguro
Ian McEwan|Zadie Smith|Sally Rooney|Julian Barnes|Paulo Coelho|Isabel Allende|Mario Vargas Llosa|Umberto Eco|Elena Ferrante
Orhan Pamuk|Sebastian Fitzek|Frank Schätzing|Charlotte Link|Cornelia Funke|Ferdinand von Schirach|Christian Kracht|Juli Zeh
Herta Müller|Amélie Nothomb|Guillaume Musso|Marc Levy|Virginie Despentes|Annie Ernaux|Leïla Slimani|Joël Dicker
Emmanuel Carrère|Patrick Modiano|Fred Vargas|Bernard Werber|Frédéric Beigbeder|Jean d'Ormesson|Slavoj Žižek|Jürgen Habermas
Steven Pinker|Sam Harris|Brian Cox|Bill Nye|Chris Hadfield|Scott Kelly|Samantha Cristoforetti|Tim Peake|Matthias Maurer
Tim Berners-Lee|Linus Torvalds|Richard Stallman|Demis Hassabis|Geoffrey Hinton|Yann LeCun|Andrew Ng|Ilya Sutskever
Dario Amodei|Mira Murati|Marc Andreessen|Reid Hoffman|Travis Kalanick|Elizabeth Holmes|Sam Bankman-Fried|Steve Ballmer
Steve Jobs|Susan Wojcicki|Sheryl Sandberg|Marissa Mayer|Evan Spiegel|Pavel Durov|Jack Ma|Lei Jun|Mukesh Ambani|Gautam Adani
George Soros|Charlie Munger|Ray Dalio|Carlos Slim|Rupert Murdoch|Ted Turner|Frank Thelen|Carsten Maschmeyer|Judith Williams
Dietmar Hopp|Hasso Plattner|Dieter Zetsche|Dietrich Mateschitz|François-Henri Pinault|Carlos Ghosn|Olivia Jones|Lady Di
Princess Diana|Prinzessin Diana|la princesse Diana|Jackie Kennedy|John F. Kennedy Jr.|Ousmane Dembélé|Eduardo Camavinga
Aurélien Tchouaméni|N'Golo Kanté|Raphaël Varane|Hugo Lloris|Franck Ribéry|Frank Ribéry|Patrick Vieira|Marcel Desailly
Fabien Barthez|Bixente Lizarazu|David Trezeguet|Nicolas Anelka|Samir Nasri|Adrien Rabiot|Theo Hernandez|Ngolo Kante
Vinicius Junior|Rodrygo Goes|Casemiro|Roberto Carlos|Dani Alves|Ronaldo Nazário|Romário|Philippe Coutinho|Thiago Silva
David Luiz|Alisson Becker|Virgil van Dijk|Frenkie de Jong|Memphis Depay|Arjen Robben|Ruud van Nistelrooy|Ruud Gullit
Marco van Basten|Louis van Gaal|Johan Cruyff|Thibaut Courtois|Romelu Lukaku|Eden Hazard|Vincent Kompany|Sergio Ramos
Gerard Piqué|Andrés Iniesta|Xavi Hernández|Iker Casillas|Fernando Torres|Alexia Putellas|Aitana Bonmatí|Luis Enrique
Xabi Alonso|Mikel Arteta|Arsène Wenger|Alex Ferguson|Diego Simeone|Gennaro Gattuso|Gianluigi Buffon|Gianluigi Donnarumma
Francesco Totti|Andrea Pirlo|Paolo Maldini|Mario Balotelli|Giorgio Chiellini|Luis Suárez|Edinson Cavani|Diego Forlán
Angel Di Maria|Sergio Agüero|Lautaro Martínez|Emiliano Martínez|Julián Álvarez|Carlos Tevez|James Rodríguez|Radamel Falcao
Sadio Mané|Didier Drogba|Samuel Eto'o|Pierre-Emerick Aubameyang|Achraf Hakimi|Riyad Mahrez|Victor Osimhen|Son Heung-min
Park Ji-sung|Robin van Persie|Steven Gerrard|Frank Lampard|Rio Ferdinand|Gary Lineker|Gary Neville|Paul Gascoigne|Alan Shearer
Marcus Rashford|Bukayo Saka|Phil Foden|Declan Rice|Jack Grealish|Raheem Sterling|Jadon Sancho|Jordan Pickford|Gareth Southgate
Gareth Bale|Ryan Giggs|Roy Keane|Robbie Keane|Bruno Fernandes|Bernardo Silva|Luís Figo|João Félix|Leroy Sané|Serge Gnabry
Leon Goretzka|Miroslav Klose|Mario Gómez|Mario Götze|Marco Reus|Ilkay Gündogan|Niclas Füllkrug|Jerome Boateng
Kevin-Prince Boateng|Sami Khedira|Per Mertesacker|Michael Ballack|Jens Lehmann|Jürgen Klinsmann|Andreas Brehme|Günter Netzer
Uwe Seeler|Berti Vogts|Felix Magath|Christoph Daum|Rudi Assauer|Marc-André ter Stegen|Nick Woltemade|Giulia Gwinn
Alexandra Popp|Lena Oberdorf|Megan Rapinoe|Sam Kerr|Stefanos Tsitsipas|Daniil Medvedev|Nick Kyrgios|Stan Wawrinka
Dominic Thiem|Gaël Monfils|Jo-Wilfried Tsonga|Yannick Noah|Richard Gasquet|Amélie Mauresmo|Marion Bartoli|Caroline Garcia
Iga Swiatek|Aryna Sabalenka|Angelique Kerber|Andrea Petkovic|Martina Hingis|Martina Navratilova|Billie Jean King|Andre Agassi
Pete Sampras|John McEnroe|Jimmy Connors|Björn Borg|Ivan Lendl|Garbiñe Muguruza|Simona Halep|Ash Barty|Caroline Wozniacki
Anna Kournikova|Kareem Abdul-Jabbar|Scottie Pippen|Dennis Rodman|Charles Barkley|Allen Iverson|Kyrie Irving|James Harden
Russell Westbrook|Luka Doncic|Nikola Jokic|Joel Embiid|Rudy Gobert|Nicolas Batum|Caitlin Clark|Brittney Griner|Franz Wagner
Moritz Wagner|Aaron Rodgers|Peyton Manning|Eli Manning|Joe Montana|Sebastian Vollmer|Derek Jeter|Alex Rodriguez|Barry Bonds
Shohei Ohtani|Wayne Gretzky|Alexander Ovechkin|Sidney Crosby|Leon Draisaitl|Carl Lewis|Noah Lyles|Mo Farah|Eliud Kipchoge
Caster Semenya|Sha'Carri Richardson|Armand Duplantis|Malaika Mihambo|Allyson Felix|Teddy Tamgho|Marie-José Pérec
Renaud Lavillenie|Kevin Mayer|Florent Manaudou|Laure Manaudou|Camille Lacourt|Alain Bernard|Tony Yoka|Estelle Mossely
Clarisse Agbégnénou|David Douillet|Ryan Lochte|Mark Spitz|Ian Thorpe|Adam Peaty|Tom Daley|Franziska van Almsick|Britta Steffen
Florian Wellbrock|Nadia Comaneci|Gabby Douglas|Sunisa Lee|Mélanie De Jesus Dos Santos|Martin Fourcade|Quentin Fillon Maillet
Tessa Worley|Alexis Pinturault|Jean-Claude Killy|Hermann Maier|Lara Gut|Marco Odermatt|Katja Seizinger|Rosi Mittermaier
Maria Höfl-Riesch|Viktoria Rebensburg|Thomas Dreßen|Sven Hannawald|Martin Schmitt|Severin Freund|Eric Frenzel
Claudia Pechstein|Katarina Witt|Tonya Harding|Nancy Kerrigan|Shaun White|Chloe Kim|Eileen Gu|Tony Hawk|Kelly Slater
Laird Hamilton|Bethany Hamilton|Alex Honnold|Reinhold Messner|Gerlinde Kaltenbrunner|Ayrton Senna|Alain Prost|Niki Lauda
Jenson Button|Kimi Räikkönen|Mika Häkkinen|Daniel Ricciardo|Oscar Piastri|Carlos Sainz|Pierre Gasly|Esteban Ocon|Sergio Perez
Nico Hülkenberg|Toto Wolff|Christian Horner|Bernie Ecclestone|Valentino Rossi|Marc Márquez|Fabio Quartararo|Sébastien Loeb
Sébastien Ogier|Jan Ullrich|Erik Zabel|Chris Froome|Bradley Wiggins|Eddy Merckx|Jonas Vingegaard|Wout van Aert
Mathieu van der Poel|Remco Evenepoel|Julian Alaphilippe|Thibaut Pinot|Bernard Hinault|Richard Virenque|Raymond Poulidor
Laurent Jalabert|Jonny Wilkinson|Jonah Lomu|Sébastien Chabal|Siya Kolisi|Rory McIlroy|Phil Mickelson|Martin Kaymer
Bernhard Langer|Evander Holyfield|George Foreman|Manny Pacquiao|Oscar De La Hoya|Canelo Alvarez|Anthony Joshua|Oleksandr Usyk
Deontay Wilder|Lennox Lewis|Henry Maske|Axel Schulz|Regina Halmich|Ronda Rousey|Khabib Nurmagomedov|Francis Ngannou|Ciryl Gane
Brock Lesnar|Dave Bautista|Magnus Carlsen|Hikaru Nakamura|Imane Khelif|Nikki Glaser|Hasan Minhaj|Russell Brand|Russell Howard
Jimmy Carr|Michael McIntyre|Lee Mack|Jack Whitehall|Romesh Ranganathan|Paul O'Grady|Dawn French|Jennifer Saunders
Joanna Lumley|Lenny Henry|Steve Coogan|Sacha Baron Cohen|Matt Lucas|David Walliams|Richard Ayoade|Noel Fielding|Prue Leith
Paul Hollywood|Mary Berry|Nigella Lawson|Heston Blumenthal|Marco Pierre White|Alain Ducasse|Paul Bocuse|Joël Robuchon
Anne-Sophie Pic|Tim Mälzer|Steffen Henssler|Johann Lafer|Alfons Schuhbeck|Horst Lichter|Frank Rosin|Sarah Wiener
Anthony Bourdain|Guy Fieri|Wolfgang Puck|Rachael Ray|Bobby Flay|Yotam Ottolenghi|Richard Hammond|Ant McPartlin|Declan Donnelly
Holly Willoughby|Phillip Schofield|Lorraine Kelly|Davina McCall|Dermot O'Leary|Louis Theroux|Bear Grylls|Steve Irwin
Bindi Irwin|KSI|Markiplier|Jacksepticeye|Pokimane|xQc|Kai Cena|IShowSpeed|Emma Chamberlain|James Charles|Jeffree Star
Shane Dawson|Lilly Singh|Zoella|Khaby Lame|Bella Poarch|Dixie D'Amelio|Lele Pons|David Dobrik|Casey Neistat|Marques Brownlee
Linus Sebastian|Andrew Huberman|Lex Fridman|Tim Ferriss|Deepak Chopra|Eckhart Tolle|Marie Kondo|Brené Brown|Karl Ove Knausgård
Yoko Ono|David Hockney|Tracey Emin|Takashi Murakami|Yayoi Kusama|Anselm Kiefer|Neo Rauch|Jonathan Meese|Annie Leibovitz
Peter Lindbergh|Helmut Newton|Norman Foster|Frank Gehry|Zaha Hadid|Jean Nouvel|Renzo Piano|Yo-Yo Ma|Daniel Barenboim
Simon Rattle|David Garrett|Igor Levit|Jonas Kaufmann|Luciano Pavarotti|José Carreras|André Rieu|Hans Zimmer|Ludovico Einaudi
Hélène Grimaud|Renaud Capuçon|Philippe Jaroussky|Roberto Alagna|David Blaine|Penn Jillette|Uri Geller|Hans Klok
Ehrlich Brothers"""
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
