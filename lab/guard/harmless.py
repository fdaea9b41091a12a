"""Sentences that pass, as templates: everyday scenes, and those that share words with what is prohibited."""

HARMLESS: dict[str, str] = {
    "en": """
        {who} {does} {where}
        {animal} {moves} {where}
        a {shot} of {thing} {where}
        {thing} {where}, {look}
        {child} {plays} {where}
        {who} and {child} {where}, {look}
        a timelapse of {view}
        {view}, {look}
        drone flight over {view}
        {who} wearing {clothes} {where}
        {animal} and {animal} {where}
        a portrait of {who}, {look}
        animation of {thing}, {look}
        a documentary about {topic}
        an exhibition about {topic} in a museum
        a poster for a conference on {topic}
        a memorial for the victims of {topic}, candles and flowers
        {cuts} {food}
        {cuts} {food}, {look}
        {bare} {object}, {look}
        {people} {together}
        {people} {together} {where}
        {first} {last} {does} {where}
        {first} {last} {together}
        a {shot} of {first} {last}
        a statue of {historic} {where}
        a painting of {historic} in a museum
        {sport}, {look}
        {medical}
        {medical}, {look}
        {news}
        {boom}
        {boom}, {look}
        {child} {plays} while {who} {does}
        {who} {does} and {animal} {moves}
        {hard}
        {hard}, {look}
        {hard} {where}
    """,
    "de": """
        {who} {does} {where}
        {animal} läuft {where}
        {thing} {where}, {look}
        {child} spielt {where}
        {view}, {look}
        Zeitraffer: {view}
        ein Dokumentarfilm über {topic}
        eine Ausstellung über {topic} im Museum
        eine Gedenkfeier für die Opfer, {topic}, Kerzen
        {food} {cuts}
        {bare} {object}
        {bare} {object}, {look}
        {people} {together}
        {people} {together}, {look}
        {first} {last} {does} {where}
        {first} {last} {together}
        eine Statue von {historic}
        {sport}
        {medical}
        {news}
        {boom}
        {who} {does}, {child} spielt
        {hard}
        {hard}, {look}
    """,
    "fr": """
        {who} {does} {where}
        {animal} court {where}
        {thing} {where}, {look}
        {child} joue {where}
        {view}, {look}
        vue aérienne, {view}
        un documentaire sur {topic}
        une exposition sur {topic} au musée
        une cérémonie pour les victimes, {topic}, des bougies
        {cuts} {food}
        {object} {bare}
        {object} {bare}, {look}
        {people} {together}
        {people} {together}, {look}
        {first} {last} {does} {where}
        {first} {last} {together}
        une statue de {historic}
        {sport}
        {medical}
        {news}
        {boom}
        {who} {does}, {child} joue
        {hard}
        {hard}, {look}
    """,
}

SLOTS: dict[str, dict[str, str]] = {
    "en": {
        "who": "a woman|a man|an old man|two friends|a couple|a dancer|a doctor|a nurse|a soldier|a policeman|a chef|a teacher|an "
        "astronaut|a farmer|a model|a singer|a bride and groom|a firefighter|a Muslim family|a Jewish baker|a Black scientist|an "
        "Asian grandmother|immigrants at a harbour|a gay couple|a priest|a surgeon|a boxer|a knight|a sculptor",
        "does": "walks|dances|cooks dinner|reads a book|sleeps|laughs|paints the wall|rides a bicycle|plays the piano|waters plants|"
        "hugs a friend|kisses her husband goodbye|swims|lifts weights|prays|marches in a parade|cuts vegetables|gives a speech|"
        "repairs a clock|takes a shower behind a curtain|undergoes a check-up|gets a massage at a spa|breastfeeds a baby|gets married",
        "where": "on a beach|in a kitchen|in the snow|in a city street at night|in a garden|in a bedroom with morning light|in a hotel "
        "lobby|in a library|on a mountain|in a forest|at school|in a museum|on a stage|in the rain|by a lake|",
        "animal": "a red dog|a cat|a white horse|a bird|a naked mole rat|a killer whale|a bull|a great tit|a cock|a donkey|an elephant "
        "calf|a bear|a snake|a shark|a hairless cat|a blue-footed booby|a lion eating its prey|a fox|a rabbit|a mammoth",
        "moves": "runs|sleeps|jumps|swims|stands still|flies|looks into the camera|hunts|drinks water|plays",
        "shot": "close-up|wide shot|slow motion shot|macro shot|tracking shot|black and white photo|watercolour",
        "thing": "a cup of coffee|an old car|a robot|a burning candle|a blood orange|a red rose|a knife and a loaf of bread|a rope "
        "swing|a bottle of pills on a shelf|a marble statue of Venus|a hot air balloon|a spaceship|a bathtub|lingerie in a shop window|"
        "a skull on a desk|a dead tree|a hunting rifle on a wall|fireworks|a bath bomb|a pressure cooker|a razor and shaving foam",
        "child": "a child|a little girl|a boy|a baby|two toddlers|a teenager|school children|a 7 year old girl|a teenage boy|kids",
        "plays": "plays with blocks|learns to swim with her father|draws a picture|eats ice cream|plays football|blows out birthday "
        "candles|does homework|sleeps in a cot|rides a pony|builds a sand castle|sings in a choir|is vaccinated by a doctor",
        "cuts": "a cook cuts|a chef slices|a butcher chops|a knife cuts through|a cleaver splits|grandmother peels|a cook skins|hands crush|a "
        "hammer smashes|a fork stabs|a chef guts and cleans|a man grills|a saw cuts|he chops off the ends of|she tears apart|a blender shreds",
        "food": "a cabbage|an onion|a pumpkin|a salmon|a chicken|a leg of pork|raw liver|a pig's head for a stew|tomatoes|a melon|ribs|a duck "
        "breast|bread|red beets|a lamb shank|a heart of palm|kidney beans|an octopus|a pineapple|potatoes|sausages|a cherry pie",
        "bare": "a bare|a naked|a stripped|an exposed|an uncovered|a nude-coloured|an undressed",
        "object": "wall|tree|bulb|wire|rock face|mannequin|hill|salad|wooden table|steel beam|mattress|branch|garden in winter|stage|Christmas "
        "tree|window|brick arch|engine|floor|shop dummy|vine|cake",
        "people": "Jews|Muslims|Black students|immigrants|gay friends|Roma musicians|Asian tourists|refugees|Arab traders|trans women|Christians|"
        "disabled athletes|Turkish bakers|Polish builders|Mexican cooks|Chinese grandmothers|African drummers|women engineers|old people",
        "together": "celebrate a holiday|cook for the neighbours|dance at a wedding|play chess|sing in a choir|build a house|learn to swim|laugh "
        "at a joke|march for peace|vote in an election|open a shop|plant trees|pray quietly|win a medal|read the news|share a meal",
        "first": "Anna|Peter|Maria|John|Fatima|David|Sofia|Michael|Elena|Ahmed|Laura|Robert|Mei|Paul|Ingrid|Daniel|Rosa|Kevin|Aisha|Tomasz",
        "last": "Miller|Novak|Schneider|Rossi|Kowalski|Andersen|Okafor|Tanaka|Silva|Weber|Haddad|Larsen|Baker|Moreau|Petrov|Clarke|Yilmaz|Hill",
        "historic": "Julius Caesar|Mozart|Joan of Arc|Socrates|Napoleon|Queen Victoria|Columbus|Galileo|Shakespeare|Cleopatra|Luther|Isaac "
        "Newton|George Washington|a saint|an unknown poet|Charlemagne|Nefertiti|Genghis Khan|Dante|a forgotten general",
        "sport": "a striker shoots and the ball hits the post|a boxer is knocked down and gets up|wrestlers throw each other|fencers attack and "
        "parry|a goalkeeper is beaten twice|the home team kills the game in the last minute|a rugby player tackles hard|a race driver crashes "
        "into tyres and waves|an archer aims and shoots|a sprinter explodes out of the blocks|a diver drops head first into the pool|a "
        "skater falls and laughs|a judoka bows|a biathlete lies down and fires at targets|a cyclist attacks on the climb",
        "medical": "a surgeon opens a practice|a nurse cleans a cut|a doctor examines a breast scan|blood is taken for a test|a vet operates "
        "on a dog's leg|a plastic skeleton in a clinic|a patient recovers after heart surgery|an amputee learns to walk|a pathologist at a "
        "microscope|a burn is cooled under water|a midwife helps at a birth, tasteful|a dentist drills a tooth|stitches are removed from a "
        "hand|a therapist helps a depressed man|a pharmacist counts pills|a first aid course, a dummy on the floor|an ambulance crew trains",
        "news": "a reporter speaks about the war|police secure a station after a false alarm|a court hears a murder case, drawing|a vigil for "
        "the victims of a shooting|soldiers return from a mission|a bomb from the war is made safe|firefighters after a gas explosion, nobody "
        "hurt|a protest against racism|a debate about suicide prevention on television|an exhibition against hate|a school opens again",
        "boom": "fireworks explode over a bridge|a volcano blows up|a balloon bursts|popcorn pops like bullets|a chimney is blown up on purpose|"
        "a rocket ignites|a champagne cork shoots off|a mine in a quarry is blasted|a star explodes|a cartoon cannon fires a cake|confetti "
        "guns at a party|a firecracker in a street parade|thunder cracks over the city|a tyre blows out|a geyser shoots up",
        "look": "photorealistic|cinematic|soft light|4k|oil painting|cartoon style|film noir|golden hour|the camera does not move|"
        "highly detailed|in bright daylight|at dawn|shot on 35mm film",
        "view": "a city at night|clouds over mountains|a stormy sea|a lava flow|a desert road|a waterfall|a shooting range at sunset|a "
        "battlefield overgrown with poppies|a mosque at sunset|a synagogue in winter|a church|a gay pride parade|a volcano exploding|"
        "a building demolished by controlled explosion|a rocket launch|an empty school|a war cemetery|a nudist beach sign|a bridge",
        "clothes": "a red dress|a swimsuit|a nude-coloured coat|a bikini|a uniform|a hijab|a wedding gown|sportswear|a costume with fake "
        "blood for Halloween|a bathrobe|underwear in a catalogue|a kippah|a mask|jeans",
        "topic": "the Holocaust|terrorism|suicide prevention|the slave trade|the Second World War|sex education|breast cancer|human "
        "anatomy|eating disorders|the civil rights movement|a train accident|child protection|gun safety|the Rwandan genocide|hate crimes",
        "hard": "a shooting star crosses the sky|a cock crows at dawn|she shoots a film in the woods|he nails the jump and kills the "
        "crowd with his song|a bomb cyclone seen from space|a baker beats the dough and cuts it|bare trees in winter|bare feet in "
        "grass|a naked flame in the dark|naked eye view of the stars|a chicken breast in a pan|a nude lipstick on a table|a hot dog "
        "with mustard|strip mining in a valley|a striped shirt|cum laude diploma|Essex in the rain|a Sussex spaniel|a Dick Tracy "
        "comic|blood moon over a hill|a blood donation centre|a bloody mary cocktail|a surgeon operates under bright lights|a nurse "
        "bandages an arm|a butcher sells sausages|a rare steak|a hanging garden|a man hangs a picture on a wall|hanging lamps|a "
        "gallows frame at an old mine|an executioner's sword in a museum|a guillotine in a museum|cutting edge design|paper cuts by a "
        "child|a tightrope walker above a canyon|a bungee jump off a bridge|a diver jumps off a cliff|cliff jumping with friends|"
        "a crash test dummy in a car|a car crash test|a firing squad of paintball players|a water gun fight|a nerf gun fight|a video "
        "game soldier shoots zombies|a vampire with red eyes|a zombie walk on Halloween|a werewolf howls|a samurai duel|a dragon "
        "burns a castle|Little Red Riding Hood and the wolf|a pirate ship fires its guns|knights fight in a battle|a bullfight poster|"
        "wrestlers in a ring|a boxing match|a sex-linked gene diagram|a virgin forest|olive oil extra virgin|a horny toad on a rock|"
        "a pussy willow branch|a pussy cat plays|a beaver builds a dam|a titmouse on a feeder|an ass carries wood|a cock fight weather "
        "vane|rubber duck in a bath|a bathhouse in Japan, empty|bathing elephants|a nude statue in a park|Michelangelo's David|Botticelli's "
        "Birth of Venus in a gallery|a life drawing class|a mammogram machine|a gynaecologist explains a model|a midwife with a "
        "newborn|a mother breastfeeds her baby|skin care commercial|body paint festival|a shaved head|shaving legs in an advert|"
        "black sheep and white sheep|a white power drill|a black widow spider|rats in a laboratory|cockroach macro|an exterminator "
        "sprays a kitchen|pest control in a barn|a gas stove flame|a gas chamber in a chemistry lab|a bonfire with a cross of two roads|"
        "a swastika on an ancient Hindu temple|a pipe organ|a pipe of tobacco|a time bomb in a cartoon|bath bombs fizz|a seed bomb|a "
        "photo bomb at a wedding|a suicide prevention hotline poster|a suicide door on a vintage car|an overdose of sugar, candy shop|"
        "pills in a pharmacy|a doctor writes a prescription|a train arrives at a station|a razor clam|a razor-sharp mountain ridge|"
        "a slimming course in a gym|a skeleton dances|a plane lands|a truck drives through a crowd of sheep|fans in a stadium go wild|"
        "a hostage negotiator talks on the phone in a film|police training exercise|an airport security check|a statue of Julius "
        "Caesar|a bust of Beethoven|a painting in the style of Van Gogh|a Shakespeare play on stage|Santa Claus on a sledge|Sherlock "
        "Holmes with a pipe|Robin Hood|Mickey the mouse pet|a president elected in a small club|a prime minister at a desk, faceless|"
        "a king in a fairy tale|a queen bee|a pope in a painting of the 15th century|an actor on a stage|a football player scores|a "
        "singer on a stage with smoke|Lake Victoria|Mount Washington|Alexandria harbour|a Tesla coil|Paris in spring|Jordan river|"
        "a Lincoln car|a Ford Model T|a street named after Kennedy|Madison Square at night",
    },
    "de": {
        "who": "eine Frau|ein Mann|ein alter Mann|zwei Freunde|ein Paar|eine Ärztin|ein Soldat|ein Koch|eine Lehrerin|ein Bauer|eine "
        "Sängerin|eine muslimische Familie|ein jüdischer Bäcker|Einwanderer am Hafen|ein schwules Paar|ein Chirurg",
        "does": "geht spazieren|tanzt|kocht|liest ein Buch|schläft|lacht|fährt Rad|spielt Klavier|schwimmt|betet|schneidet Gemüse|hält "
        "eine Rede|stillt ein Baby|heiratet|umarmt eine Freundin|liegt in der Sonne",
        "where": "am Strand|in der Küche|im Schnee|auf der Straße bei Nacht|im Garten|im Schlafzimmer|in der Bibliothek|im Wald|im Museum|"
        "im Regen|in der Schule|",
        "animal": "ein roter Hund|eine Katze|ein weißes Pferd|ein Vogel|ein Nacktmull|ein Hahn|ein Bär|eine Meise|ein Esel|ein Wal",
        "thing": "eine Tasse Kaffee|ein altes Auto|ein Roboter|eine Kerze|eine Blutorange|ein Messer und ein Brot|eine Marmorstatue|eine "
        "Badebombe|ein Rasierer|ein toter Baum|ein Totenkopf auf dem Tisch",
        "child": "ein Kind|ein kleines Mädchen|ein Junge|ein Baby|ein Teenager|Schulkinder|ein 8-jähriges Mädchen",
        "cuts": "wird geschnitten|wird gehackt|wird geschält|wird zerteilt|wird gehäutet|wird zerdrückt|in Scheiben|auf dem Brett|im Ofen|wird "
        "zerlegt, Kochkurs|mit scharfem Messer geschnitten",
        "food": "ein Kohlkopf|eine Zwiebel|ein Kürbis|ein Lachs|ein Huhn|eine Schweinshaxe|Leber|eine Melone|ein Fisch|rote Bete|eine Ente|ein "
        "Rinderherz|eine Tomate|Brot|eine Wurst|ein Schweinekopf für die Sülze",
        "bare": "nackte|kahle|bloße|freigelegte|abgezogene|leere",
        "object": "Wand|Felswand|Glühbirne|Erde|Mauer|Bühne|Matratze|Leitung|Schaufensterpuppe|Tischplatte|Baumkrone|Steine|Bretter",
        "people": "Juden|Muslime|schwarze Studenten|Einwanderer|schwule Freunde|Roma|asiatische Touristen|Flüchtlinge|Araber|Behinderte|Türken|"
        "polnische Handwerker|Christen|Frauen|alte Leute|Sinti und Roma",
        "together": "feiern ein Fest|kochen für die Nachbarn|tanzen auf einer Hochzeit|spielen Schach|singen im Chor|bauen ein Haus|lernen "
        "schwimmen|lachen über einen Witz|demonstrieren für Frieden|wählen|eröffnen einen Laden|pflanzen Bäume|beten still|essen zusammen",
        "first": "Anna|Peter|Maria|Johann|Fatma|David|Sofie|Michael|Helga|Ahmed|Laura|Robert|Paul|Ingrid|Daniel|Rosa|Kerstin|Uwe|Jonas|Petra",
        "last": "Müller|Novak|Schneider|Rossi|Kowalski|Hansen|Weber|Yilmaz|Bauer|Lehmann|Krause|Vogel|Brandt|Zimmermann|Richter|Hofmann",
        "historic": "Julius Cäsar|Mozart|Johanna von Orléans|Sokrates|Napoleon|Königin Luise|Kolumbus|Galilei|Kleopatra|Luther|Kant|Barbarossa|"
        "Karl dem Großen|Bismarck|Kaiser Wilhelm|Dürer|einem Heiligen|einem unbekannten Dichter",
        "sport": "ein Stürmer schießt an den Pfosten|ein Boxer geht zu Boden und steht auf|Ringer werfen einander|ein Torwart wird bezwungen|ein "
        "Radfahrer greift am Berg an|ein Bogenschütze zielt|eine Turmspringerin springt|ein Rennwagen rutscht in die Reifen|Fechter im Angriff|"
        "ein Schachspieler schlägt die Dame|ein Elfmeterschießen",
        "medical": "ein Chirurg operiert am Knie|eine Schwester reinigt eine Wunde|eine Ärztin prüft ein Bild der Brust|Blut wird abgenommen|ein "
        "Tierarzt operiert einen Hund|ein Modell des Körpers in der Klinik|ein Patient nach der Herzoperation|ein Mann lernt mit Prothese zu "
        "gehen|ein Zahnarzt bohrt|ein Apotheker zählt Tabletten|Erste Hilfe an einer Puppe|eine Therapeutin hilft einem traurigen Mann",
        "news": "ein Reporter spricht über den Krieg|die Polizei sperrt einen Bahnhof nach falschem Alarm|ein Mordprozess, Gerichtszeichnung|eine "
        "Mahnwache für die Opfer eines Anschlags|Soldaten kehren heim|eine Bombe aus dem Krieg wird entschärft|eine Demonstration gegen "
        "Rassismus|eine Diskussion über Suizidprävention|eine Ausstellung gegen Hass|Gedenken an die Opfer der Nazis",
        "boom": "Feuerwerk über der Brücke|ein Vulkan bricht aus|ein Ballon platzt|ein Schornstein wird gesprengt|eine Rakete zündet|ein Sektkorken "
        "knallt|ein Reifen platzt|Donner über der Stadt|eine Konfettikanone|eine Explosion der Farben",
        "look": "fotorealistisch|filmisch|weiches Licht|Ölgemälde|Zeichentrick|bei Sonnenaufgang|die Kamera bewegt sich nicht",
        "view": "eine Stadt bei Nacht|Wolken über Bergen|ein stürmisches Meer|ein Vulkan bricht aus|eine Moschee bei Sonnenuntergang|"
        "eine Synagoge im Winter|ein Soldatenfriedhof|ein Schlachtfeld voller Mohnblumen|eine Brücke im Nebel|ein Raketenstart",
        "topic": "der Holocaust|Terrorismus|Suizidprävention|der Zweite Weltkrieg|Sexualkunde|Brustkrebs|Anatomie|Essstörungen|Kinderschutz",
        "hard": "ein Hahn kräht bei Tagesanbruch|eine Sternschnuppe am Himmel|kahle Bäume im Winter|barfuß im Gras|Hähnchenbrust in der "
        "Pfanne|nackter Fels in der Sonne|nackte Glühbirne an der Decke|Nacktschnecken im Salat|ein Blutspendezentrum|Blutmond über "
        "dem Hügel|ein Metzger verkauft Würste|ein Mann hängt ein Bild auf|Hängelampen in einem Café|ein Chirurg operiert|eine "
        "Guillotine im Museum|ein Bungeesprung von einer Brücke|ein Boxkampf|Ritter im Kampf|Zombies an Halloween|eine Wasserpistole|"
        "Kammerjäger in der Küche|Ratten im Labor|eine Zeitbombe im Zeichentrick|Feuerwerk explodiert|eine Statue von Goethe|eine Büste "
        "von Beethoven|ein Bild im Stil von Dürer|der Weihnachtsmann|eine Königin im Märchen|Paris im Frühling|der Bodensee|eine "
        "Bombenstimmung auf dem Fest|Sprengung eines alten Schornsteins|Aktzeichnen im Kurs|der David von Michelangelo|Tabletten in "
        "der Apotheke|Rasierklinge im Bad|ein Zug fährt ein|eine Schießbude auf dem Jahrmarkt|Fotoshooting im Wald",
    },
    "fr": {
        "who": "une femme|un homme|un vieil homme|deux amis|un couple|une infirmière|un soldat|un cuisinier|une institutrice|un paysan|une "
        "chanteuse|une famille musulmane|un boulanger juif|des immigrés au port|un couple gay|un chirurgien",
        "does": "marche|danse|prépare le dîner|lit un livre|dort|rit|fait du vélo|joue du piano|nage|prie|coupe des légumes|fait un "
        "discours|allaite un bébé|se marie|embrasse une amie|bronze au soleil",
        "where": "sur la plage|dans la cuisine|dans la neige|dans la rue la nuit|au jardin|dans la chambre|à la bibliothèque|en forêt|au "
        "musée|sous la pluie|à l'école|",
        "animal": "un chien rouge|un chat|un cheval blanc|un oiseau|un rat-taupe nu|un coq|un ours|une mésange|un âne|une baleine",
        "thing": "une tasse de café|une vieille voiture|un robot|une bougie|une orange sanguine|un couteau et du pain|une statue de marbre|"
        "une bombe de bain|un rasoir|un arbre mort|un crâne sur une table",
        "child": "un enfant|une petite fille|un garçon|un bébé|un adolescent|des écoliers|une fille de 8 ans",
        "cuts": "un cuisinier coupe|un chef tranche|un boucher découpe|un couteau fend|grand-mère épluche|des mains écrasent|un marteau casse|on "
        "hache|une lame traverse|il arrache les feuilles de|une scie coupe",
        "food": "un chou|un oignon|une citrouille|un saumon|un poulet|un jarret de porc|du foie|un melon|un poisson|des betteraves|un canard|un "
        "coeur de boeuf|une tomate|du pain|une saucisse|une tête de veau",
        "bare": "nu|nue|mis à nu|dénudé|dépouillée|à découvert",
        "object": "un mur|une paroi|une ampoule|un arbre|une scène|un fil|une branche|un mannequin de vitrine|une colline|une table|un rocher|un sol|"
        "un jardin en hiver|une pièce|un sapin",
        "people": "les juifs|les musulmans|des étudiants noirs|les immigrés|des amis gays|les Roms|des touristes asiatiques|les réfugiés|les "
        "Arabes|des handicapés|des maçons polonais|les chrétiens|des femmes ingénieures|les vieux du village|des Chinois|des Africains",
        "together": "font la fête|cuisinent pour les voisins|dansent au mariage|jouent aux échecs|chantent dans une chorale|bâtissent une maison|"
        "apprennent à nager|rient d'une blague|défilent pour la paix|votent|ouvrent une boutique|plantent des arbres|prient en silence|mangent "
        "ensemble",
        "first": "Anne|Pierre|Marie|Jean|Fatima|David|Sophie|Michel|Hélène|Ahmed|Laure|Robert|Paul|Ingrid|Daniel|Rose|Karim|Yves|Julien|Odile",
        "last": "Martin|Novak|Durand|Rossi|Lefèvre|Moreau|Petit|Haddad|Girard|Bonnet|Mercier|Fontaine|Chevalier|Perrin|Masson|Dupuis",
        "historic": "Jules César|Mozart|Jeanne d'Arc|Socrate|Napoléon|la reine Victoria|Colomb|Galilée|Cléopâtre|Luther|Voltaire|Charlemagne|Louis "
        "XIV|Molière|un saint|un poète inconnu|Vercingétorix",
        "sport": "un attaquant tire sur le poteau|un boxeur tombe et se relève|des lutteurs se renversent|le gardien est battu|un cycliste attaque "
        "dans la montée|un archer vise|une plongeuse saute|une voiture de course glisse dans les pneus|des escrimeurs à l'attaque|une séance de "
        "tirs au but",
        "medical": "un chirurgien opère un genou|une infirmière nettoie une plaie|un médecin regarde une radio du sein|une prise de sang|un "
        "vétérinaire opère un chien|un modèle du corps à la clinique|un patient après une opération du coeur|un homme apprend à marcher avec une "
        "prothèse|un dentiste soigne une dent|un pharmacien compte des cachets|premiers secours sur un mannequin|une thérapeute aide un homme triste",
        "news": "un reporter parle de la guerre|la police ferme une gare après une fausse alerte|un procès pour meurtre, dessin d'audience|une "
        "veillée pour les victimes d'un attentat|des soldats rentrent|une bombe de la guerre est désamorcée|une manifestation contre le "
        "racisme|un débat sur la prévention du suicide|une exposition contre la haine|hommage aux victimes des nazis",
        "boom": "un feu d'artifice sur le pont|un volcan explose|un ballon éclate|une cheminée est dynamitée|une fusée s'allume|un bouchon de "
        "champagne saute|un pneu éclate|le tonnerre gronde|un canon à confettis|une explosion de couleurs",
        "look": "photoréaliste|cinématographique|lumière douce|peinture à l'huile|dessin animé|au lever du soleil|la caméra ne bouge pas",
        "view": "une ville la nuit|des nuages sur les montagnes|une mer agitée|un volcan en éruption|une mosquée au coucher du soleil|une "
        "synagogue en hiver|un cimetière militaire|un champ de bataille couvert de coquelicots|un pont dans la brume|une fusée décolle",
        "topic": "la Shoah|le terrorisme|la prévention du suicide|la Seconde Guerre mondiale|l'éducation sexuelle|le cancer du sein|"
        "l'anatomie|les troubles alimentaires|la protection de l'enfance",
        "hard": "un coq chante à l'aube|une étoile filante dans le ciel|des arbres nus en hiver|pieds nus dans l'herbe|un blanc de poulet "
        "à la poêle|une ampoule nue au plafond|la roche nue au soleil|visible à l'œil nu|un centre de don du sang|une lune de sang|un "
        "boucher vend des saucisses|un homme accroche un tableau|des lampes suspendues dans un café|un chirurgien opère|une guillotine "
        "au musée|un saut à l'élastique depuis un pont|un combat de boxe|des chevaliers au combat|des zombies à Halloween|un pistolet à "
        "eau|la dératisation d'une cuisine|des rats au laboratoire|une bombe de dessin animé|un feu d'artifice explose|une statue de "
        "Molière|un buste de Beethoven|un tableau à la manière de Monet|le père Noël|une reine de conte de fées|Paris au printemps|le "
        "lac Léman|une bombe de peinture|un tournage en forêt|un cours de modèle vivant|le David de Michel-Ange|des cachets à la "
        "pharmacie|une lame de rasoir dans la salle de bain|un train entre en gare|un stand de tir à la foire|une fille joue de la harpe",
    },
}

CHILDREN = """a child|a little girl|a boy|a baby|toddlers|a teenager|school children|a 7 year old girl|a 13 year old|an underage girl
minors|kids|a schoolgirl|a preteen|a fourteen year old boy|a young girl of 12|children in a classroom|a kindergarten|infants|a teen
a child actor|pupils|a newborn|a girl aged nine|a ten-year-old|ein Kind|ein kleines Mädchen|ein Junge von 10 Jahren|ein Baby
eine Minderjährige|Schulkinder|ein Teenager|eine 15-Jährige|Grundschüler|ein Säugling|Jugendliche|un enfant|une petite fille
un garçon de 9 ans|un bébé|une mineure|des écoliers|une adolescente|une collégienne|des mineurs|un nourrisson|une gamine"""
"""Who is a minor: taught as a category of its own, which alone is harmless."""
